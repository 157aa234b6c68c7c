import Foundation
import Host
import TestSupport
import Testing

/// Locks that end with their holder, and places where a socket may be.
struct LockAndSocketTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aLockHasOneHolder() throws {
        let path = folder.path + "/lock"
        var first = try FileLock(path)
        #expect(first != nil)
        #expect(try FileLock(path) == nil)
        #expect(FileLock.isHeld(path))
        first = nil
        #expect(!FileLock.isHeld(path))
        #expect(try FileLock(path) != nil)
    }

    @Test func aLockFileThatIsALinkIsRefused() throws {
        let path = folder.path + "/lock"
        #expect(symlink(folder.path + "/elsewhere", path) == 0)
        #expect(throws: HostError.unsafe(path: path, .symbolicLink)) { try FileLock(path) }
        #expect(!PrivateFiles.exists(folder.path + "/elsewhere"))
    }

    @Test func theHolderIsNamed() throws {
        let path = folder.path + "/lock"
        let lock = try #require(try FileLock(path))
        try lock.write(LockFile.text(pid: 123, host: "a host", socket: "/a socket/s"))
        let holder = try #require(LockFile.holder(at: path))
        #expect(holder == (123, "a host", "/a socket/s"))
        try lock.write("pid 5\n")
        #expect(LockFile.holder(at: path) == nil)
        withExtendedLifetime(lock) {}
    }

    @Test(arguments: [
        "", "pid x\nhost h\nsocket s\n", "pid 99999999999\nhost h\nsocket s\n", "\0\0", "pid",
    ])
    func aLockFileThatSaysNothingNamesNobody(text: String) throws {
        let path = folder.path + "/lock"
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
        #expect(chmod(path, 0o600) == 0)
        #expect(LockFile.lastHolder(at: path) == nil)
    }

    @Test func aStaleSocketMakesRoomAndAFileDoesNot() throws {
        let path = folder.path + "/run/broker.sock"
        try SocketPlace.prepare(path)
        #expect(
            try FileManager.default.attributesOfItem(atPath: folder.path + "/run")[
                .posixPermissions] as? Int == 0o700)
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        try SocketPlace.prepare(path)
        #expect(!PrivateFiles.exists(path))
        _ = FileManager.default.createFile(atPath: path, contents: Data("mine".utf8))
        #expect(throws: HostError.unsafe(path: path, .not(kind: "socket"))) {
            try SocketPlace.prepare(path)
        }
        #expect(PrivateFiles.exists(path))
    }

    @Test func aSocketsPathHasALimit() {
        let path = folder.path + "/" + String(repeating: "n", count: 107)
        #expect(
            throws: HostError.unsafe(path: path, .tooLong(byteCount: path.utf8.count, limit: 107))
        ) {
            try SocketPlace.prepare(path)
        }
    }

    @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("a", "/"), ("/a/b/", "/a/b")])
    func theFolderOfAPath(path: String, folder: String) {
        #expect(SocketPlace.folder(of: path) == folder)
    }

    /// A line that is too long for the log's rest begins a new one; one old one is kept.
    @Test func aLogIsBounded() throws {
        let log = try LogFile(folder.path + "/state/log")
        let line = String(repeating: "x", count: 1023)
        for _ in 0..<2500 { log.append(line) }
        let sizes = try ["log", "log.old"].map { name -> Int in
            let attributes = try FileManager.default.attributesOfItem(
                atPath: folder.path + "/state/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            return attributes[.size] as? Int ?? 0
        }
        #expect(sizes.allSatisfy { $0 > 0 && $0 <= LogFile.limit })
        #expect(sizes[0] + sizes[1] > LogFile.limit)
    }

    @Test func aWatchEndsWithItsProcess() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = ["0.3"]
        try process.run()
        let watch = try ProcessWatch(pid: process.processIdentifier)
        #expect(throws: HostError.timedOut(operation: "the end of the process")) {
            try watch.waitForEnd(timeout: .milliseconds(20))
        }
        try watch.waitForEnd(timeout: .seconds(10))
        process.waitUntilExit()
        try ProcessWatch(pid: process.processIdentifier).waitForEnd(timeout: .zero)
    }
}
