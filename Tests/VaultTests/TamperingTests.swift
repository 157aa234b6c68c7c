import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

/// What somebody can do who writes in the file, but has no passphrase.
struct TamperingTests {
    private let fixture: VaultFixture
    private let key: SharedKey

    /// A slot key that tests can pass around.
    final class SharedKey: Sendable {
        let key: DerivedSlotKey
        init(_ key: consuming DerivedSlotKey) { self.key = key }
    }

    init() throws {
        fixture = try VaultFixture()
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try VaultFixture.add(vault, "b", "second")
        try vault.close()
        key = SharedKey(try fixture.key())
    }

    private func unlockFails(_ expected: (VaultError) -> Bool) -> Bool {
        do throws(VaultError) {
            let vault = try fixture.unlocked(key.key)
            _ = try VaultFixture.secretText(vault, "a")
            return false
        } catch {
            if !expected(error) { print("unexpected: \(error)") }
            return expected(error)
        }
    }

    private func isDamage(_ error: VaultError) -> Bool {
        if case .damaged = error { true } else { false }
    }

    @Test(arguments: [
        "UPDATE record SET secret = (SELECT secret FROM record r WHERE r.id <> record.id)",
        "UPDATE record SET metadata = (SELECT metadata FROM record r WHERE r.id <> record.id)",
        "UPDATE record SET id = zeroblob(16)",
        "UPDATE record SET revision = revision + 1",
        "UPDATE record SET metadata = zeroblob(296)",
        "DELETE FROM record WHERE rowid IN (SELECT 1) OR name_index = (SELECT min(name_index) FROM record)",
        "INSERT INTO record SELECT zeroblob(32), id, revision, metadata, secret FROM record LIMIT 1",
        "INSERT INTO tombstone VALUES (zeroblob(16), 1, zeroblob(40))",
        "UPDATE vault SET manifest = zeroblob(128)",
        "UPDATE vault SET id = zeroblob(16)",
        "DELETE FROM vault",
        "UPDATE keyslot SET opslimit = 3",
        "UPDATE keyslot SET memlimit = 1 << 40",
        "UPDATE keyslot SET salt = zeroblob(16)",
        "UPDATE keyslot SET sealed_key = zeroblob(72)",
        "UPDATE keyslot SET kind = 9",
        "UPDATE keyslot SET slot = 7",
        "INSERT INTO keyslot SELECT 1, kind, opslimit, memlimit, salt, tag, sealed_key, checksum FROM keyslot",
        "DELETE FROM keyslot",
        "CREATE TABLE extra (x)",
        "CREATE TRIGGER t AFTER UPDATE ON vault BEGIN DELETE FROM record; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE INDEX i ON record (id)",
        "UPDATE record SET secret = 'text'",
        "UPDATE record SET revision = -1",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 0",
    ])
    func isFound(sql: String) throws {
        // The one statement names rowid, which the table has not.
        try fixture.execute(sql.replacingOccurrences(of: "rowid IN (SELECT 1) OR ", with: ""))
        #expect(unlockFails(isDamage))
    }

    @Test func aNewerFormatIsNamed() throws {
        try fixture.execute("PRAGMA user_version = 2")
        #expect(unlockFails { $0 == .newerFormat(2) })
    }

    /// The record's own older revision, sealed with the right keys, put back in its row.
    @Test func anOlderRevisionIsFound() throws {
        let before = fixture.folder.path + "/before.db"
        try fixture.copy(fixture.location.file, before)
        let vault = try fixture.unlocked(key.key)
        try vault.update(name: "a", metadata: [9], destination: VaultFixture.destination)
        try vault.close()
        try fixture.execute(
            "ATTACH '\(before)' AS old; "
                + "UPDATE record SET (revision, metadata, secret) = "
                + "(SELECT revision, metadata, secret FROM old.record o WHERE o.id = record.id)")
        #expect(unlockFails(isDamage))
    }

    @Test func anOlderCopyIsFoundAndCanBeAccepted() throws {
        let before = fixture.folder.path + "/before.db"
        try fixture.copy(fixture.location.file, before)
        let vault = try fixture.unlocked(key.key)
        try VaultFixture.add(vault, "c", "third")
        try vault.close()
        try fixture.copy(before, fixture.location.file)
        #expect(unlockFails { if case .older = $0 { true } else { false } })
        let older = try fixture.open()
        _ = try older.unlock(with: key.key, acceptOlder: true)
        #expect(try older.records().map(\.name) == ["a", "b"])
        try older.close()
        // Accepted once, it is what this machine remembers.
        #expect(try fixture.unlocked(key.key).count == 2)
    }

    @Test func aCopyWithoutItsLogIsFound() throws {
        let vault = try fixture.unlocked(key.key)
        try VaultFixture.add(vault, "c", "third")
        #expect(FileManager.default.fileExists(atPath: fixture.location.file + "-wal"))
        let copy = fixture.folder.path + "/copy.db"
        try fixture.copy(fixture.location.file, copy)
        try vault.close()
        try fixture.copy(copy, fixture.location.file)
        #expect(
            unlockFails {
                if case .older(_, _, let lacksLog) = $0 { lacksLog } else { false }
            })
    }

    @Test func withoutAMemoryOfItTheVaultIsTakenWithAWarning() throws {
        try FileManager.default.removeItem(atPath: fixture.location.stateFolder)
        let vault = try fixture.open()
        #expect(try vault.unlock(with: key.key) == [.noRememberedGeneration])
    }

    @Test func aChangedMemoryIsFound() throws {
        let folder = fixture.location.stateFolder
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        var bytes = [UInt8](FileManager.default.contents(atPath: folder + "/" + name) ?? Data())
        bytes[0] -= 1
        fixture.write(bytes, to: folder + "/" + name)
        #expect(unlockFails { $0 == .damaged(.rememberedGeneration(path: folder + "/" + name)) })
    }

    @Test func aRowThatChangesAfterUnlockIsFound() throws {
        let vault = try fixture.unlocked(key.key)
        try fixture.execute("UPDATE record SET metadata = zeroblob(296)")
        #expect(throws: VaultError.damaged(.record)) { _ = try vault.record(named: "a") }
        #expect(throws: VaultError.damaged(.record)) { _ = try vault.records() }
    }

    @Test func checkReadsEverySeal() throws {
        let vault = try fixture.unlocked(key.key)
        try vault.check { _ in VaultFixture.destination }
        #expect(throws: VaultError.damaged(.secret)) {
            try vault.check { _ in [UInt8](repeating: 1, count: 32) }
        }
    }

    @Test func checksAFileOfAStrangerWithoutTouchingIt() throws {
        let stranger = fixture.folder.path + "/stranger.db"
        try fixture.copy(fixture.location.file, stranger)
        let before = FileManager.default.contents(atPath: stranger)
        let scratch = fixture.folder.path + "/scratch"
        let count = try Vault.checkFile(
            stranger, scratch: scratch, passphrase: VaultFixture.passphrase()
        ) { _ in VaultFixture.destination }
        #expect(count == 2)
        #expect(FileManager.default.contents(atPath: stranger) == before)
        #expect(!FileManager.default.fileExists(atPath: stranger + "-wal"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch) == [])
        #expect(throws: VaultError.wrongPassphrase) {
            _ = try Vault.checkFile(
                stranger, scratch: scratch, passphrase: VaultFixture.passphrase("x")
            ) { _ in VaultFixture.destination }
        }
    }

    @Test func refusesAFileThatIsNotPrivate() throws {
        let file = fixture.location.file
        func refused(_ reason: (VaultError) -> Bool) -> Bool {
            do throws(VaultError) {
                _ = try fixture.open()
                return false
            } catch { return reason(error) }
        }
        _ = chmod(file, 0o640)
        #expect(refused { $0 == .host(.unsafe(path: file, .openMode(0o640))) })
        _ = chmod(file, 0o600)
        try FileManager.default.moveItem(atPath: file, toPath: file + ".real")
        try FileManager.default.createSymbolicLink(
            atPath: file, withDestinationPath: file + ".real")
        #expect(refused { $0 == .host(.unsafe(path: file, .symbolicLink)) })
        _ = unlink(file)
        _ = mkdir(file, 0o700)
        #expect(refused { $0 == .host(.unsafe(path: file, .not(kind: "regular file"))) })
        _ = rmdir(file)
        _ = mkfifo(file, 0o600)
        #expect(refused { $0 == .host(.unsafe(path: file, .not(kind: "regular file"))) })
        _ = unlink(file)
        try FileManager.default.moveItem(atPath: file + ".real", toPath: file)
        if getuid() == 0 {
            _ = chown(file, 65533, 65533)
            #expect(refused { $0 == .host(.unsafe(path: file, .foreignOwner(uid: 65533))) })
            _ = chown(file, 0, 0)
        }
        _ = chmod(fixture.folder.path + "/v", 0o777)
        #expect(refused { if case .host(.unsafe(_, .openMode)) = $0 { true } else { false } })
    }
}
