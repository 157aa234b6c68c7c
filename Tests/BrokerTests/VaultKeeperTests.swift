import Foundation
import NIOPosix
import Sodium
import TestSupport
import Testing

@testable import Broker
@testable import Vault

/// The vault as its broker keeps it: locked, unlocked, for a time, under many hands.
final class VaultKeeperTests {
    private let folder: TemporaryFolder
    private let time = ManualClock()
    private let threads = NIOThreadPool(numberOfThreads: 1)
    private let keeper: VaultKeeper
    private let file: String

    init() async throws {
        folder = try TemporaryFolder()
        threads.start()
        file = folder.path + "/v/vault.db"
        keeper = try VaultKeeper(
            location: VaultLocation(file: file, stateFolder: folder.path + "/state"),
            fileLock: try VaultLock.acquire(for: file, socket: "/nowhere"), threads: threads,
            clock: time.clock)
        try await keeper.create(passphrase: Self.shared("first"), parameters: .interactive)
    }

    deinit { try? threads.syncShutdownGracefully() }

    private static func shared(_ text: String) -> SharedSecret {
        SharedSecret(Secret(copying: Array(text.utf8).span))
    }

    private static func name(_ text: String) throws -> CredentialName {
        try #require(CredentialName(text))
    }

    private static func credential(_ url: String = "https://h/t") throws -> Credential {
        let json = Array("{\"client_id\":\"id\",\"token_url\":\"\(url)\"}".utf8)
        return try Credential(parsing: json.span)
    }

    private func unlock(_ text: String, for duration: Duration? = nil) async throws {
        // After a wrong passphrase the next one waits, on a clock that somebody has to wind.
        let winding = Task { [time, keeper] in
            while await keeper.failureCount > 0, !Task.isCancelled {
                time.advance(by: .milliseconds(20))
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        defer { winding.cancel() }
        _ = try await keeper.unlock(
            passphrase: Self.shared(text), for: duration, acceptsOlder: false)
    }

    private func put(_ name: String) async throws {
        _ = try await keeper.put(
            Self.name(name), Self.credential(), secret: Self.shared("s3cret"), onlyAdds: true)
    }

    @Test func anUnlockingForATimeSurvivesAChangeOfThePassphrase() async throws {
        try await unlock("first", for: .seconds(600))
        try await keeper.changePassphrase(current: Self.shared("first"), new: Self.shared("second"))
        #expect(await keeper.unlockedUntil == time.now + .seconds(600))
        time.advance(by: .seconds(600))
        #expect(await keeper.isLocked)
        await #expect(throws: BrokerError.vault(.wrongPassphrase)) {
            try await self.unlock("first")
        }
        try await unlock("second")
    }

    @Test func aLockedVaultStaysLockedWhenItsPassphraseIsChanged() async throws {
        await keeper.lock()
        try await keeper.changePassphrase(current: Self.shared("first"), new: Self.shared("second"))
        #expect(await keeper.isLocked)
        try await unlock("second")
    }

    /// Both knew the old passphrase; only one may have changed it.
    @Test func ofTwoChangesAtOnceOneWins() async throws {
        let changes = ["second", "third"].map { text in
            Task { [keeper] () -> String? in
                do {
                    try await keeper.changePassphrase(
                        current: Self.shared("first"), new: Self.shared(text))
                    return text
                } catch { return nil }
            }
        }
        var wins: [String] = []
        for change in changes { if let text = await change.value { wins.append(text) } }
        #expect(wins.count == 1)
        await keeper.lock()
        try await unlock(try #require(wins.first))
    }

    /// Each wrong passphrase makes the next try wait longer, also when they come together.
    @Test func wrongPassphrasesAreTriedOneByOneAndLaterAndLater() async throws {
        await keeper.lock()
        let start = time.now
        let tries = (0..<4).map { [keeper] _ in
            Task { [keeper] in
                _ = try? await keeper.unlock(
                    passphrase: Self.shared("wrong"), for: nil, acceptsOlder: false)
            }
        }
        // For as long as it takes: the machine may be busy.
        let winding = Task { [time] in
            while !Task.isCancelled {
                time.advance(by: .milliseconds(5))
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
        for each in tries { await each.value }
        winding.cancel()
        // 0 + 100 + 200 + 400 ms.
        #expect(time.now - start >= .milliseconds(700))
    }

    /// While it was locked, an older copy was put in the file's place: it is looked at anew.
    @Test func aFileThatWasReplacedWhileLockedIsLookedAt() async throws {
        let copy = folder.path + "/copy.db"
        try await put("a")
        await keeper.lock()
        try FileManager.default.copyItem(atPath: file, toPath: copy)
        try await unlock("first")
        try await put("b")
        await keeper.lock()
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: copy, toPath: file)
        do {
            try await unlock("first")
            Issue.record("an older copy was taken")
        } catch BrokerError.vault(.older) {}
    }

    @Test func aFileThatWasReplacedWhileOpenIsNotWritten() async throws {
        try await put("a")
        try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
        await #expect(throws: BrokerError.vault(.replaced(path: file))) { try await self.put("b") }
    }

    /// After a removal by hand, a new vault does not inherit the old one's log.
    @Test func aNewVaultTakesNothingOfARemovedOne() async throws {
        try await put("a")
        #expect(FileManager.default.fileExists(atPath: file + "-wal"))
        try FileManager.default.removeItem(atPath: file)
        try await keeper.create(passphrase: Self.shared("other"), parameters: .interactive)
        try await put("b")
        await keeper.lock()
        try await unlock("other")
        #expect(try await keeper.credentials().map(\.record.name) == ["b"])
    }

    /// What a removed vault had in its log alone is put aside, not lost, and not played into another file.
    @Test func theLogOfAMovedVaultIsKept() async throws {
        try await put("a")
        try await put("b")
        let old = folder.path + "/old.db"
        try FileManager.default.moveItem(atPath: file, toPath: old)
        try await keeper.create(passphrase: Self.shared("other"), parameters: .interactive)
        await keeper.lock()
        try FileManager.default.moveItem(atPath: file, toPath: folder.path + "/new.db")
        try FileManager.default.moveItem(atPath: old, toPath: file)
        try FileManager.default.moveItem(atPath: file + ".moved-wal", toPath: file + "-wal")
        try await unlock("first")
        #expect(try await keeper.credentials().map(\.record.name) == ["a", "b"])
    }

    /// A backup put in the place of an open vault is not written over by what the open one had in its log.
    @Test func aBackupPutInPlaceStaysAsItIs() async throws {
        await keeper.lock()
        let backup = try Data(contentsOf: URL(fileURLWithPath: file))
        try await unlock("first")
        try await put("a")
        try FileManager.default.removeItem(atPath: file)
        _ = FileManager.default.createFile(
            atPath: file, contents: backup, attributes: [.posixPermissions: 0o600])
        await keeper.lock()
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == backup)
        do {
            try await unlock("first")
            Issue.record("an older copy was taken")
        } catch BrokerError.vault(.older) {}
    }

    /// A request while it is locked does not open the file.
    @Test func aLockedVaultIsLeftAlone() async throws {
        try await put("a")
        await keeper.lock()
        await #expect(throws: BrokerError.locked) {
            _ = try await self.keeper.credential(named: Self.name("a"))
        }
        #expect(!FileManager.default.fileExists(atPath: file + "-wal"))
        try FileManager.default.removeItem(atPath: file)
        await #expect(throws: BrokerError.vault(.noVault(path: file))) {
            _ = try await self.keeper.credentials()
        }
    }

    /// Escapes make a text longer than it was in the request.
    @Test func metadataHaveALimitAsTheyAreKept() async throws {
        var credential = try Self.credential()
        credential.caCertificates = String(repeating: "\n", count: 90_000)
        await #expect(throws: BrokerError.badRequest("the metadata has more than 524288 bytes")) {
            _ = try await self.keeper.put(
                Self.name("a"), credential, secret: Self.shared("s"), onlyAdds: true)
        }
        credential.caCertificates = nil
        credential.parameters = [
            .init(name: "p", value: String(repeating: "a", count: 8000)),
            .init(name: "q", value: String(repeating: "b", count: 8000)),
        ]
        let count = (VaultKeeper.longestMetadata - credential.encoded().count) / 8
        credential.scopes = (0..<count).map { "s\(100_000 + $0)" }.dropLast(count / 4)
        let largest = SharedSecret(Secret(copying: [UInt8](repeating: 7, count: 65_536).span))
        _ = try await keeper.put(Self.name("a"), credential, secret: largest, onlyAdds: true)
        #expect(try await keeper.check() == 1)
    }

    /// Also not by another name.
    @Test func aCheckFollowsNoLinkToTheOpenVault() async throws {
        try await put("a")
        let stranger = folder.path + "/x.db"
        try FileManager.default.copyItem(atPath: file, toPath: stranger)
        #expect(symlink(file, stranger + "-wal") == 0)
        await #expect(throws: BrokerError.badRequest("the file belongs to the vault that is open"))
        {
            _ = try await self.keeper.check(file: stranger, passphrase: Self.shared("first"))
        }
    }

    @Test(arguments: ["-wal", "-shm"])
    func theOpenVaultsOwnFilesAreNotOpenedByACheck(suffix: String) async throws {
        try await put("a")
        await #expect(throws: BrokerError.badRequest("the file belongs to the vault that is open"))
        {
            _ = try await self.keeper.check(
                file: self.file + suffix, passphrase: Self.shared("first"))
        }
        #expect(try await keeper.check(file: file, passphrase: Self.shared("x")) == 1)
    }

    /// What a check finds is not written over by whoever goes on.
    @Test func afterAFailedCheckTheVaultIsLocked() async throws {
        try await put("a")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = [file, "UPDATE record SET secret = zeroblob(168)"]
        try process.run()
        process.waitUntilExit()
        do {
            _ = try await keeper.check()
            Issue.record("nothing was found")
        } catch BrokerError.vault(.damaged) {}
        #expect(await keeper.isLocked)
    }

    /// What is in memory is what the vault has.
    @Test func whatIsKnownIsForgottenWithAChange() async throws {
        try await put("a")
        let name = try Self.name("a")
        #expect(try await keeper.knownCredential(named: name).record.revision == 1)
        _ = try await keeper.put(
            name, Self.credential("https://other/"), secret: Self.shared("s"), onlyAdds: false)
        let known = try await keeper.knownCredential(named: name)
        #expect(known.record.revision == 2)
        #expect(known.credential.tokenURL.text == "https://other/")
        await keeper.lock()
        await #expect(throws: BrokerError.locked) {
            _ = try await self.keeper.knownCredential(named: name)
        }
        try await unlock("first")
        _ = try await keeper.remove(name)
        await #expect(throws: BrokerError.vault(.noSuchCredential(name: "a"))) {
            _ = try await self.keeper.knownCredential(named: name)
        }
    }

    /// A client without a secret has none to give again.
    @Test func aClientThatProvesNothingCanBeChanged() async throws {
        let secret = Self.shared("\0")
        let name = try Self.name("public")
        func credential(_ url: String) throws -> Credential {
            let json = Array(
                "{\"client_id\":\"id\",\"token_url\":\"\(url)\",\"auth\":\"none\"}".utf8)
            return try Credential(parsing: json.span)
        }
        _ = try await keeper.put(name, credential("https://a/"), secret: secret, onlyAdds: true)
        _ = try await keeper.put(name, credential("https://b/"), secret: secret, onlyAdds: false)
        #expect(try await keeper.credential(named: name).credential.tokenURL.text == "https://b/")
    }

    /// More than are read at once; locking meanwhile ends it.
    @Test func inTurnsAllCredentialsAreRead() async throws {
        let names = (1...120).map { "c\($0)" }
        for name in names { try await put(name) }
        let read = try await keeper.credentialsInTurns()
        #expect(read.map(\.name) == names.sorted())
        await keeper.lock()
        await #expect(throws: BrokerError.locked) { try await self.keeper.credentialsInTurns() }
    }

    /// Reading the trail reads all credentials once, and others come between.
    @Test func namesForTheTrailAreReadOnceAndInTurns() async throws {
        for number in 0..<120 { try await put("n\(number)") }
        let removed = try await keeper.remove(try Self.name("n7")).id
        let reading = Task { [keeper] in try await keeper.names() }
        let between = Task { [keeper] in
            var count = 0
            while await !keeper.knowsNames {
                count += 1
                await Task.yield()
            }
            return count
        }
        let names = try await reading.value
        #expect(await between.value > 0)
        #expect(Set(names.values) == Set((0..<120).map { "n\($0)" }))
        #expect(names[removed] == "n7")
        // What comes later is known without reading, and what is removed stays known.
        try await put("later")
        let later = try await keeper.credential(named: try Self.name("later")).record.id
        _ = try await keeper.remove(try Self.name("later"))
        #expect(await keeper.knowsNames)
        #expect(try await keeper.names()[later] == "later")
        await keeper.lock()
        #expect(await keeper.names.isEmpty)
        await #expect(throws: BrokerError.locked) { try await self.keeper.names() }
        try await unlock("first")
        #expect(try await keeper.names()[later] == "later")
    }
}
