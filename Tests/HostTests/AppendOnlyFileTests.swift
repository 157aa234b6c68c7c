import Foundation
import TestSupport
import Testing

@testable import Host

struct AppendOnlyFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/f" }

    init() throws { folder = try TemporaryFolder() }

    private var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    @Test func growsByWholeLines() throws {
        let file = try AppendOnlyFile.appending(path)
        try file.append(Array("one\n".utf8), after: 0)
        try file.append(Array("two\n".utf8), after: 4)
        try file.sync()
        #expect(text == "one\ntwo\n")
        #expect(PrivateFiles.mode(path) == 0o600)
        let again = try AppendOnlyFile.appending(path)
        #expect(try again.byteCount() == 8)
        #expect(try again.read(at: 4, count: 100) == Array("two\n".utf8))
        try again.truncate(to: 4)
        #expect(text == "one\n")
    }

    @Test func writesNothingWhereSomebodyElseDid() throws {
        let file = try AppendOnlyFile.appending(path)
        for count in [1, 4] {
            #expect(throws: HostError.unsafe(path: path, .changed)) {
                try file.append([1], after: count)
            }
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: HostError.unsafe(path: path, .changed)) { try file.append([1], after: 0) }
        _ = FileManager.default.createFile(
            atPath: path, contents: Data(), attributes: [.posixPermissions: 0o600])
        #expect(throws: HostError.unsafe(path: path, .changed)) { try file.append([1], after: 0) }
        #expect(text.isEmpty)
    }

    @Test(arguments: ["link", "folder", "open", "fifo"])
    func opensNothingThatIsNotItsOwn(kind: String) throws {
        switch kind {
        case "link":
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "/etc/passwd")
        case "folder":
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        case "fifo": #expect(mkfifo(path, 0o600) == 0)
        default:
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(), attributes: [.posixPermissions: 0o644])
        }
        #expect(throws: HostError.self) { _ = try AppendOnlyFile.appending(path) }
        #expect(throws: HostError.self) { _ = try AppendOnlyFile.reading(path) }
    }

    @Test func whatIsNotThereIsNotMadeByReading() throws {
        #expect(try AppendOnlyFile.reading(path) == nil)
        #expect(!PrivateFiles.exists(path))
    }
}
