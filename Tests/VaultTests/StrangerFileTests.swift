import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

/// Files that somebody made to hurt: none may crash, hang or be written.
final class StrangerFileTests {
    private let fixture: VaultFixture
    private let stranger: String

    init() throws {
        fixture = try VaultFixture()
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try vault.remove(name: "a")
        try VaultFixture.add(vault, "b", "second")
        try vault.close()
        stranger = fixture.folder.path + "/stranger.db"
        try fixture.copy(fixture.location.file, stranger)
    }

    private func execute(_ sql: String, on file: String? = nil) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = [file ?? stranger, sql]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private func check(_ file: String? = nil) throws(VaultError) -> Int {
        try Vault.checkFile(
            file ?? stranger, scratch: fixture.folder.path + "/scratch",
            passphrase: VaultFixture.passphrase()
        ) { _ in VaultFixture.destination }
    }

    private func failure(_ body: () throws(VaultError) -> Void) -> VaultError? {
        do throws(VaultError) {
            try body()
            return nil
        } catch { return error }
    }

    private func isDamage(_ error: VaultError?) -> Bool {
        if case .damaged? = error { true } else { false }
    }

    @Test func isWholeToBeginWith() throws {
        #expect(try check() == 1)
    }

    /// The list of tables has blobs, numbers and nothing where it should have texts.
    @Test(arguments: ["x'ff'", "7", "NULL", "1.5"])
    func aSchemaOfOtherTypesIsRefused(value: String) throws {
        try execute(
            "CREATE INDEX extra ON record (id); PRAGMA writable_schema=ON; "
                + "UPDATE sqlite_schema SET tbl_name = \(value) WHERE name = 'extra'; "
                + "UPDATE sqlite_schema SET sql = NULL WHERE name = 'extra'")
        #expect(isDamage(failure { () throws(VaultError) in _ = try check() }))
    }

    /// The same in the very place of the vault.
    @Test func aSchemaNameThatIsABlobIsRefused() throws {
        try execute(
            "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES "
                + "(x'ff', 'sqlite_autoindex_record_1', 'record', 2, NULL)")
        #expect(isDamage(failure { () throws(VaultError) in _ = try check() }))
        try fixture.copy(stranger, fixture.location.file)
        #expect(isDamage(failure { () throws(VaultError) in _ = try fixture.open() }))
    }

    /// A checksum has no key: anybody can write one that is right.
    private func forge(slot: UInt32, opslimit: UInt64, memlimit: UInt64) throws {
        let vault = try fixture.open()
        let id = vault.id
        try vault.close()
        let forged = Keyslot(
            slot: slot, kind: .passphrase,
            parameters: .init(opslimit: opslimit, memlimit: memlimit),
            salt: [UInt8](repeating: 1, count: 16), tag: [UInt8](repeating: 2, count: 32),
            sealedKey: [UInt8](repeating: 3, count: 72), vaultID: id)
        func hex(_ bytes: [UInt8]) -> String {
            "x'" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
        }
        try execute(
            "INSERT OR REPLACE INTO keyslot VALUES (\(slot), 1, \(opslimit), \(memlimit), "
                + "\(hex(forged.salt)), \(hex(forged.tag)), \(hex(forged.sealedKey)), \(hex(forged.checksum)))"
        )
    }

    @Test(
        arguments: [
            (11, 64 << 20), (1, 64 << 20), (2, 1 << 40), (2, (1 << 30) + 1), (2, 1 << 20),
            (UInt64(Int64.max), 64 << 20),
        ] as [(UInt64, UInt64)])
    func aCostOutOfBoundsIsRefusedBeforeItIsPaid(opslimit: UInt64, memlimit: UInt64) throws {
        try forge(slot: 0, opslimit: opslimit, memlimit: memlimit)
        let start = ContinuousClock.now
        #expect(
            failure { () throws(VaultError) in _ = try check() }
                == .costOutOfBounds(opslimit: opslimit, memlimit: memlimit))
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func manyKeyslotsAreRefusedBeforeOneIsTried() throws {
        for slot in 1..<UInt32(Format.mostKeyslots) {
            try forge(slot: slot, opslimit: 2, memlimit: 64 << 20)
        }
        // As many as there may be: it opens by slot 0, and the manifest tells.
        #expect(failure { () throws(VaultError) in _ = try check() } == .damaged(.manifest))
        try forge(slot: UInt32(Format.mostKeyslots), opslimit: 10, memlimit: 1 << 30)
        let start = ContinuousClock.now
        #expect(failure { () throws(VaultError) in _ = try check() } == .damaged(.schema))
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test(arguments: [
        "UPDATE vault SET manifest = zeroblob(900000)",
        "UPDATE keyslot SET sealed_key = zeroblob(900000)",
        "UPDATE vault SET id = zeroblob(17)", "UPDATE record SET secret = zeroblob(3000000)",
        "UPDATE record SET name_index = zeroblob(3000000)",
    ])
    func whatIsTooLongIsRefused(sql: String) throws {
        try execute(sql)
        #expect(isDamage(failure { () throws(VaultError) in _ = try check() }))
    }

    /// Bytes of the header that SQLite leaves alone, and Bursar never writes.
    @Test(arguments: [0, 15, 16, 18, 20, 21, 22, 23, 47, 48, 55, 59, 64, 72, 91, 92])
    func aHeaderThatIsNotBursarsIsFound(offset: Int) throws {
        var bytes = [UInt8](FileManager.default.contents(atPath: stranger) ?? Data())
        bytes[offset] ^= 0x40
        fixture.write(bytes, to: stranger)
        #expect(isDamage(failure { () throws(VaultError) in _ = try check() }), "byte \(offset)")
        // And in the open vault, whose pages SQLite has in memory.
        let key = try fixture.key()
        let vault = try fixture.unlocked(key)
        var own = fixture.bytes
        own[offset] ^= 0x40
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: fixture.location.file))
        try file.write(contentsOf: Data(own))
        try file.close()
        #expect(
            isDamage(
                failure { () throws(VaultError) in try vault.check { _ in VaultFixture.destination }
                }),
            "byte \(offset)")
    }

    /// A byte that changes on the disk while the vault is open, and small enough to be in memory whole.
    @Test func aCheckReadsTheDiskAndNotSQLitesMemory() throws {
        let key = try fixture.key()
        let vault = try fixture.unlocked(key)
        _ = try vault.records()
        try vault.check { _ in VaultFixture.destination }
        let row = try #require(
            try vault.store.record(vault.requireUnlocked().row(named: "b", vault.store).nameIndex))
        let bytes = fixture.bytes
        let end = bytes.count - row.secret.count
        let at = try #require(
            bytes.indices.first {
                $0 <= end && bytes[$0..<($0 + row.secret.count)] == row.secret[...]
            })
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: fixture.location.file))
        try file.seek(toOffset: UInt64(at))
        try file.write(contentsOf: Data([bytes[at] ^ 1]))
        try file.close()
        #expect(
            isDamage(
                failure { () throws(VaultError) in try vault.check { _ in VaultFixture.destination }
                }))
    }

    /// What is no vault, or one of a later format, stays as it is, byte for byte.
    @Test(arguments: ["PRAGMA application_id = 1", "PRAGMA user_version = 2"])
    func whatIsRefusedIsNotWritten(sql: String) throws {
        try execute("PRAGMA journal_mode=DELETE; " + sql, on: fixture.location.file)
        let before = fixture.bytes
        #expect(failure { () throws(VaultError) in _ = try fixture.open() } != nil)
        #expect(fixture.bytes == before)
    }

    /// Somebody removed the lock file, and a second broker opened the vault: one of them stops.
    @Test func ofTwoWritersOneStops() throws {
        let key = try fixture.key()
        let first = try fixture.unlocked(key)
        let second = try fixture.unlocked(key)
        try VaultFixture.add(first, "c", "third")
        #expect(
            failure { () throws(VaultError) in try VaultFixture.add(second, "d", "fourth") }
                == .damaged(.manifest))
        try second.close()
        try VaultFixture.add(first, "e", "fifth")
        try first.close()
        let vault = try fixture.unlocked(key)
        try vault.check { _ in VaultFixture.destination }
        #expect(try vault.records().map(\.name) == ["b", "c", "e"])
    }

    /// Another process reads the file, a backup say: the old pages can't go, and that is said.
    @Test func oldPagesThatMustStayAreTold() throws {
        let key = try fixture.key()
        let vault = try fixture.unlocked(key)
        try VaultFixture.add(vault, "c", "third")
        var reader: Helper? = try Helper(
            "/usr/bin/python3",
            [
                "-c",
                """
                import sqlite3, sys
                db = sqlite3.connect(sys.argv[1], isolation_level=None)
                db.execute("BEGIN")
                print(db.execute("SELECT count(*) FROM record").fetchone(), flush=True)
                sys.stdin.read()
                """, fixture.location.file,
            ])
        #expect(reader != nil)
        #expect(failure { () throws(VaultError) in try vault.remove(name: "c") } == .logInUse)
        reader = nil
        #expect(try vault.records().map(\.name) == ["b"])
        try vault.remove(name: "b")
        let log = FileManager.default.contents(atPath: fixture.location.file + "-wal")
        #expect(log?.isEmpty ?? true)
    }

    /// A sealed secret that was removed, and a keyslot that was replaced, are in none of the files.
    @Test func whatIsGoneIsGoneFromTheDisk() throws {
        let key = try fixture.key()
        let vault = try fixture.unlocked(key)
        let row = try vault.requireUnlocked().row(named: "b", vault.store)
        let slot = vault.keyslots[0]
        try vault.changePassphrase(
            from: 0,
            to: try NewKeyslot.derive(
                passphrase: VaultFixture.passphrase("new"), parameters: VaultFixture.weak))
        try vault.remove(name: "b")
        for suffix in ["", "-wal"] {
            let bytes =
                FileManager.default.contents(atPath: fixture.location.file + suffix) ?? Data()
            for gone in [row.secret, row.metadata, slot.salt, slot.tag, slot.sealedKey] {
                #expect(bytes.range(of: Data(gone)) == nil)
            }
        }
    }
}
