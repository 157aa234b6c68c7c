internal import CSQLiteConfig
internal import GRDB
internal import Host
internal import Sodium

// GRDB takes blobs as `Data`; only sealed bytes pass through it.
#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// How the vault's file is written.
package enum Journal: Sendable {
    /// Write-ahead log: what local disks get.
    case wal
    /// Rollback journal and an exclusive lock: for file systems without shared memory.
    case rollback
}

/// The vault's file: rows in, rows out.
///
/// Nothing else knows SQL.
final class Store {
    /// The file, links above it resolved.
    let path: String
    private let queue: DatabaseQueue
    /// The file that was opened; another one may be put in its place.
    let identity: FileIdentity?

    /// The most bytes of one row: metadata have at most 512 KiB, secrets 64 KiB, both sealed and padded.
    private static let longestValue: Int32 = 4 << 20

    // From sqlite3.h: SQLITE_DBCONFIG_DEFENSIVE, _TRUSTED_SCHEMA, _ENABLE_TRIGGER, _ENABLE_VIEW.
    private static let switches: [(option: Int32, on: Int32)] = [
        (1010, 1), (1017, 0), (1003, 0), (1015, 0),
    ]

    /// Opens the file; SQLite makes it if it is not there.
    init(_ path: String, journal: Journal, isNew: Bool) throws(VaultError) {
        self.path = path
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { db in
            for (option, on) in Self.switches {
                let code = unsafe bursar_sqlite_set(db.sqliteConnection, option, on)
                guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
            }
            unsafe bursar_sqlite_limit_length(db.sqliteConnection, Self.longestValue)
            try db.execute(sql: "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;")
            // Before the first read: without shared memory a log can't be read in any other way.
            if journal == .rollback { try db.execute(sql: "PRAGMA locking_mode=EXCLUSIVE") }
        }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw Self.vaultError(error, path)
        }
        identity = PrivateFiles.identity(path)
        if isNew {
            try create(journal)
            return
        }
        // Whatever is no vault of this format is not written.
        try requireFormat()
        try withoutTransaction { db in try Self.setUp(db, journal) }
    }

    private static func setUp(_ db: Database, _ journal: Journal) throws {
        let mode = try String.fetchOne(
            db, sql: "PRAGMA journal_mode=\(journal == .wal ? "WAL" : "DELETE")")
        guard mode == (journal == .wal ? "wal" : "delete") else {
            throw DatabaseError(
                resultCode: .SQLITE_CANTOPEN, message: "the journal mode can't be set")
        }
        try db.execute(sql: "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")
    }

    private func create(_ journal: Journal) throws(VaultError) {
        try withoutTransaction { db in
            try db.execute(sql: "PRAGMA encoding='UTF-8'; PRAGMA page_size=4096;")
            try Self.setUp(db, journal)
            try db.inTransaction {
                for table in Format.tables { try db.execute(sql: table.sql) }
                try db.execute(sql: "PRAGMA application_id=\(Format.applicationID)")
                try db.execute(sql: "PRAGMA user_version=\(Format.version)")
                return .commit
            }
        }
    }

    /// Whether the path still leads to the file that was opened.
    var isInPlace: Bool { PrivateFiles.identity(path) == identity }

    /// Checks the format, and that the tables are Bursar's and nothing else is there.
    private func requireFormat() throws(VaultError) {
        let (id, version, schema) = try withoutTransaction { db in
            (
                try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
                try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
                try Row.fetchAll(
                    db,
                    sql: "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
                ).map { row in (0..<4).map { Self.text(row[$0]) } }
            )
        }
        guard id == Format.applicationID else {
            throw .damaged(.notAVault)
        }
        guard version <= Format.version else { throw .newerFormat(version) }
        let expected = Format.tables.map { ["table", $0.name, $0.name, $0.sql] }
        guard version == Format.version, schema == expected else { throw .damaged(.schema) }
    }

    /// SQLite's own check of the file's structure; `whole` reads every index and value as well.
    func requireIntegrity(whole: Bool) throws(VaultError) {
        let words = try withoutTransaction { db in
            try String.fetchAll(
                db, sql: whole ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)")
        }
        guard words == ["ok"] else { throw .damaged(.database(words.first ?? "")) }
    }

    /// The vault's id and its sealed manifest.
    func vault() throws(VaultError) -> (id: [UInt8], manifest: [UInt8]) {
        let rows = try withoutTransaction { db in
            try Row.fetchAll(db, sql: "SELECT id, manifest FROM vault LIMIT 2").map {
                (Self.bytes($0[0]), Self.bytes($0[1]))
            }
        }
        guard rows.count == 1, let id = rows[0].0, let manifest = rows[0].1,
            id.count == Format.idByteCount,
            manifest.count == Manifest.byteCount + SecretBox.overhead
        else { throw .damaged(.schema) }
        return (id, manifest)
    }

    /// All keyslots, each compared with its checksum.
    func keyslots(vaultID: [UInt8]) throws(VaultError) -> [Keyslot] {
        let rows = try withoutTransaction { db in
            try Row.fetchAll(
                db,
                sql: "SELECT slot, kind, opslimit, memlimit, salt, tag, sealed_key, checksum "
                    + "FROM keyslot ORDER BY slot LIMIT \(Format.mostKeyslots + 1)")
        }
        // Each one costs a passphrase's derivation, and anybody can write some that look well.
        guard (1...Format.mostKeyslots).contains(rows.count) else { throw .damaged(.schema) }
        var keyslots: [Keyslot] = []
        for row in rows { keyslots.append(try Self.keyslot(row, vaultID)) }
        return keyslots
    }

    private static func keyslot(_ row: Row, _ vaultID: [UInt8]) throws(VaultError) -> Keyslot {
        let slot = integer(row[0]).flatMap { UInt32(exactly: $0) }
        let kind = integer(row[1]).flatMap { UInt8(exactly: $0) }.flatMap(Keyslot.Kind.init)
        guard let slot else { throw .damaged(.keyslot(0)) }
        guard let kind, let opslimit = integer(row[2]), let memlimit = integer(row[3]),
            let salt = bytes(row[4]), salt.count == 16, let tag = bytes(row[5]), tag.count == 32,
            let sealedKey = bytes(row[6]),
            sealedKey.count == MasterKey.byteCount + SecretBox.overhead,
            let checksum = bytes(row[7])
        else { throw .damaged(.keyslot(slot)) }
        let keyslot = Keyslot(
            slot: slot, kind: kind,
            parameters: .init(opslimit: opslimit, memlimit: memlimit), salt: salt, tag: tag,
            sealedKey: sealedKey, vaultID: vaultID)
        guard keyslot.checksum == checksum else { throw .damaged(.keyslot(slot)) }
        return keyslot
    }

    /// Hands every record to `body`, one by one.
    func forEachRecord(
        _ body: (RecordRow) throws(VaultError) -> Void
    ) throws(VaultError) {
        try withoutTransaction { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT name_index, id, revision, metadata, secret FROM record")
            while let row = try rows.next() { try body(try Self.record(row)) }
        }
    }

    /// The record of a blind index; nil if SQLite does not find it.
    func record(_ nameIndex: [UInt8]) throws(VaultError) -> RecordRow? {
        try withoutTransaction { db in
            try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT name_index, id, revision, metadata, secret FROM record "
                        + "WHERE name_index = ?"),
                arguments: [Data(nameIndex)]
            ).map(Self.record)
        }
    }

    /// The records that follow a blind index, in its order.
    func records(after nameIndex: [UInt8], limit: Int) throws(VaultError) -> [RecordRow] {
        try withoutTransaction { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: "SELECT name_index, id, revision, metadata, secret FROM record "
                        + "WHERE name_index > ? ORDER BY name_index LIMIT ?"),
                arguments: [Data(nameIndex), limit]
            ).map(Self.record)
        }
    }

    private static func record(_ row: Row) throws(VaultError) -> RecordRow {
        guard let nameIndex = bytes(row[0]), let id = bytes(row[1]),
            let revision = integer(row[2]), let metadata = bytes(row[3]),
            let secret = bytes(row[4])
        else { throw .damaged(.record) }
        return RecordRow(
            nameIndex: nameIndex, id: id, revision: revision, metadata: metadata, secret: secret)
    }

    /// All tombstones.
    func tombstones() throws(VaultError) -> [TombstoneRow] {
        try withoutTransaction { db in
            try Row.fetchAll(db, sql: "SELECT id, revision, name FROM tombstone")
                .map(Self.tombstone)
        }
    }

    /// The tombstones that follow a record id, in its order.
    func tombstones(after id: [UInt8], limit: Int) throws(VaultError) -> [TombstoneRow] {
        try withoutTransaction { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: "SELECT id, revision, name FROM tombstone WHERE id > ? ORDER BY id LIMIT ?"
                ),
                arguments: [Data(id), limit]
            ).map(Self.tombstone)
        }
    }

    private static func tombstone(_ row: Row) throws(VaultError) -> TombstoneRow {
        guard let id = bytes(row[0]), let revision = integer(row[1]), let name = bytes(row[2])
        else { throw .damaged(.record) }
        return TombstoneRow(id: id, revision: revision, name: name)
    }

    /// What one change of the vault writes.
    enum Change {
        case insertVault(id: [UInt8], manifest: [UInt8])
        /// Another manifest, if the one before is still there: nobody else has written.
        case manifest([UInt8], replacing: [UInt8])
        case put(Keyslot)
        case insert(RecordRow)
        case update(RecordRow)
        case delete(nameIndex: [UInt8])
        case insertTombstone(TombstoneRow)
    }

    /// Writes changes in one transaction; all of them, or none.
    func write(_ changes: [Change]) throws(VaultError) {
        guard isInPlace else { throw .replaced(path: path) }
        do {
            try queue.write { db in
                for change in changes {
                    try Self.apply(change, db)
                    guard db.changesCount == 1 else { throw VaultError.damaged(.manifest) }
                }
            }
        } catch {
            throw Self.vaultError(error, path)
        }
    }

    private static func apply(_ change: Change, _ db: Database) throws {
        switch change {
        case .insertVault(let id, let manifest):
            try db.execute(
                sql: "INSERT INTO vault VALUES (1, ?, ?)", arguments: [Data(id), Data(manifest)])
        case .manifest(let manifest, let old):
            try db.execute(
                sql: "UPDATE vault SET manifest = ? WHERE manifest = ?",
                arguments: [Data(manifest), Data(old)])
        case .put(let slot):
            try db.execute(
                sql: "INSERT OR REPLACE INTO keyslot VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    Int64(slot.slot), Int64(slot.kind.rawValue), Int64(slot.parameters.opslimit),
                    Int64(slot.parameters.memlimit), Data(slot.salt), Data(slot.tag),
                    Data(slot.sealedKey), Data(slot.checksum),
                ])
        case .insert(let row):
            try db.execute(
                sql: "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    Data(row.nameIndex), Data(row.id), Int64(row.revision), Data(row.metadata),
                    Data(row.secret),
                ])
        case .update(let row):
            try db.execute(
                sql: "UPDATE record SET id = ?, revision = ?, metadata = ?, secret = ? "
                    + "WHERE name_index = ?",
                arguments: [
                    Data(row.id), Int64(row.revision), Data(row.metadata), Data(row.secret),
                    Data(row.nameIndex),
                ])
        case .delete(let nameIndex):
            try db.execute(
                sql: "DELETE FROM record WHERE name_index = ?", arguments: [Data(nameIndex)])
        case .insertTombstone(let row):
            try db.execute(
                sql: "INSERT INTO tombstone VALUES (?, ?, ?)",
                arguments: [Data(row.id), Int64(row.revision), Data(row.name)])
        }
    }

    /// Moves everything from the log into the file, so that no old page stays readable there.
    ///
    /// - Throws: ``VaultError/logInUse`` while another process reads the file.
    func truncateLog() throws(VaultError) {
        let isBusy = try withoutTransaction { db in
            try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") ?? 1
        }
        guard isBusy == 0 else { throw .logInUse }
    }

    /// Closes the file; SQLite removes its log.
    func close() throws(VaultError) {
        do {
            try queue.close()
        } catch {
            throw Self.vaultError(error, path)
        }
    }

    private func withoutTransaction<R>(
        _ body: (Database) throws -> R
    ) throws(VaultError) -> R {
        do {
            return try queue.writeWithoutTransaction { db in try body(db) }
        } catch {
            throw Self.vaultError(error, path)
        }
    }

    // Rows of a damaged file may hold any type in any column.
    private static func bytes(_ value: DatabaseValue) -> [UInt8]? {
        if case .blob(let data) = value.storage { Array(data) } else { nil }
    }

    private static func text(_ value: DatabaseValue) -> String? {
        if case .string(let text) = value.storage { text } else { nil }
    }

    private static func integer(_ value: DatabaseValue) -> UInt64? {
        if case .int64(let integer) = value.storage { UInt64(exactly: integer) } else { nil }
    }

    private static func vaultError(_ error: any Error, _ path: String) -> VaultError {
        if let error = error as? VaultError { return error }
        guard let error = error as? DatabaseError else { return .io("\(error)") }
        let words = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_READONLY where PrivateFiles.isWritable(path):
            // SQLite won't write a file whose header names a version that it does not know.
            return .damaged(.database(words))
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_BUSY,
            .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_INTERRUPT,
            .SQLITE_PROTOCOL, .SQLITE_MISUSE:
            return .io(words)
        default: return .damaged(.database(words))
        }
    }
}
