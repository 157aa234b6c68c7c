import Foundation
import Host
import TestSupport
import Testing

/// What is read, made and replaced only where nobody else can have touched it.
struct PrivateFilesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, mode: Int = 0o600) -> String {
        let path = folder.path + "/" + name
        _ = FileManager.default.createFile(
            atPath: path, contents: Data("text".utf8), attributes: [.posixPermissions: mode])
        return path
    }

    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
    }

    @Test func aPrivateFileIsTaken() throws {
        try PrivateFiles.requirePrivate(file: write("file"))
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o666, 0o622])
    func aFileThatOthersCanUseIsRefused(mode: Int) throws {
        let path = write("file", mode: mode)
        #expect(throws: HostError.unsafe(path: path, .openMode(UInt16(mode)))) {
            try PrivateFiles.requirePrivate(file: path)
        }
    }

    @Test func aLinkIsRefusedThoughItsFileWouldDo() throws {
        let path = folder.path + "/link"
        #expect(symlink(write("file"), path) == 0)
        #expect(throws: HostError.unsafe(path: path, .symbolicLink)) {
            try PrivateFiles.requirePrivate(file: path)
        }
        #expect(throws: HostError.self) { try PrivateFiles.read(path, limit: 100) }
        #expect(PrivateFiles.exists(path))
    }

    @Test func aPipeIsNoFileAndDelaysNobody() throws {
        let path = folder.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        let reason = HostError.unsafe(path: path, .not(kind: "regular file"))
        #expect(throws: reason) { try PrivateFiles.requirePrivate(file: path) }
        #expect(throws: reason) { try PrivateFiles.read(path, limit: 100) }
        #expect(throws: reason) { try PrivateFiles.copy(path, to: path + ".copy", limit: 100) }
    }

    @Test func foldersAreMadeForTheOwnerAlone() throws {
        let path = folder.path + "/a/b/c"
        #expect(try PrivateFiles.makeFolder(path) == path)
        for part in ["/a", "/a/b", "/a/b/c"] { #expect(try mode(folder.path + part) == 0o700) }
        #expect(chmod(path, 0o720) == 0)
        #expect(throws: HostError.unsafe(path: path, .openMode(0o720))) {
            try PrivateFiles.makeFolder(path)
        }
    }

    @Test func whatIsReplacedIsWholeAndPrivate() throws {
        let path = write("file", mode: 0o644)
        try PrivateFiles.replace(path, with: Array("new".utf8))
        #expect(try PrivateFiles.read(path, limit: 100) == Array("new".utf8))
        #expect(try mode(path) == 0o600)
        #expect(PrivateFiles.list(folder.path) == ["file"])
        #expect(throws: HostError.self) {
            try PrivateFiles.replace(folder.path + "/none/file", with: [])
        }
    }

    /// A folder in the file's place makes the rename fail; nothing is left beside it.
    @Test func aFailedReplacementLeavesNothing() throws {
        let path = folder.path + "/taken"
        #expect(mkdir(path, 0o700) == 0)
        #expect(throws: HostError.self) { try PrivateFiles.replace(path, with: [1]) }
        #expect(PrivateFiles.list(folder.path) == ["taken"])
    }

    @Test func readingStopsAtItsLimit() throws {
        let path = write("file")
        #expect(try PrivateFiles.read(path, limit: 2) == Array("te".utf8))
        #expect(try PrivateFiles.readPublic(path, limit: 4) == Array("text".utf8))
        #expect(throws: HostError.system(operation: "read", path: path, code: EFBIG)) {
            try PrivateFiles.readPublic(path, limit: 3)
        }
        #expect(try PrivateFiles.read(folder.path + "/none", limit: 2) == nil)
    }

    @Test func aCopyHasALimitAndFollowsLinksOnlyIfToldSo() throws {
        let path = write("file")
        let link = folder.path + "/link"
        #expect(symlink(path, link) == 0)
        try PrivateFiles.copy(link, to: path + ".1", limit: 4)
        #expect(try PrivateFiles.read(path + ".1", limit: 100) == Array("text".utf8))
        #expect(throws: HostError.self) {
            try PrivateFiles.copy(link, to: path + ".2", followsLinks: false, limit: 4)
        }
        #expect(throws: HostError.system(operation: "read", path: path, code: EFBIG)) {
            try PrivateFiles.copy(path, to: path + ".3", limit: 3)
        }
        #expect(try PrivateFiles.readStart(link, byteCount: 2) == Array("te".utf8))
    }

    @Test func aNameThatIsTakenIsNotGivenAgain() throws {
        let old = write("old")
        let fresh = write("fresh")
        #expect(throws: HostError.self) { try PrivateFiles.moveIntoPlace(fresh, old) }
        try PrivateFiles.moveIntoPlace(fresh, folder.path + "/name")
        #expect(PrivateFiles.exists(folder.path + "/name"))
        #expect(!PrivateFiles.exists(fresh))
    }
}
