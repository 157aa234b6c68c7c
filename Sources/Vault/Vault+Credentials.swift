public import Sodium

extension Vault {
    /// How many credentials there are; 0 while locked.
    public var count: Int { (try? requireUnlocked().count) ?? 0 }

    /// Whether there is a credential of that name.
    ///
    /// - Throws: ``VaultError/locked``.
    public func contains(_ name: String) throws(VaultError) -> Bool {
        try requireUnlocked().contains(name)
    }

    /// The id of a credential's record, without a look into the file; nil if there is none of that name.
    ///
    /// - Throws: ``VaultError/locked``.
    public func recordID(named name: String) throws(VaultError) -> [UInt8]? {
        try requireUnlocked().recordID(name)
    }

    /// One credential; its secret stays sealed.
    ///
    /// - Throws: ``VaultError/noSuchCredential(name:)``, ``VaultError/locked``,
    ///   ``VaultError/damaged(_:)``.
    public func record(named name: String) throws(VaultError) -> Record {
        let unlocked = try requireUnlocked()
        return try RecordSeal.record(try unlocked.row(named: name, store), with: unlocked.master)
    }

    /// All credentials, sorted by name; their secrets stay sealed.
    ///
    /// - Throws: ``VaultError/locked``, ``VaultError/damaged(_:)``.
    public func records() throws(VaultError) -> [Record] {
        let unlocked = try requireUnlocked()
        var records: [Record] = []
        try store.forEachRecord { row throws(VaultError) in
            guard unlocked.isGenuine(row) else { throw .damaged(.record) }
            records.append(try RecordSeal.record(row, with: unlocked.master))
        }
        guard records.count == unlocked.count else { throw .damaged(.record) }
        return records.sorted { $0.name < $1.name }
    }

    /// Some of the credentials, in the order of their blind indexes; their secrets stay sealed.
    ///
    /// - Parameters:
    ///   - last: the index that the page before ended with; nil for the first page.
    ///   - limit: how many at most.
    /// - Returns: the records, and the index of the last one; nil once there are no more.
    /// - Throws: ``VaultError/locked``, ``VaultError/damaged(_:)``.
    public func records(
        after last: [UInt8]?, limit: Int
    ) throws(VaultError) -> (records: [Record], last: [UInt8]?) {
        let unlocked = try requireUnlocked()
        let rows = try store.records(after: last ?? [], limit: limit)
        var records: [Record] = []
        for row in rows {
            guard unlocked.isGenuine(row) else { throw .damaged(.record) }
            records.append(try RecordSeal.record(row, with: unlocked.master))
        }
        return (records, rows.count < limit ? nil : rows.last?.nameIndex)
    }

    /// Opens a secret, for the destination that it was sealed for.
    ///
    /// - Parameters:
    ///   - record: the credential, as it was read.
    ///   - destination: 32 bytes that stand for where the secret may go.
    /// - Returns: the secret.
    /// - Throws: ``VaultError/damaged(_:)`` if it does not open there, ``VaultError/locked``,
    ///   ``VaultError/noSuchCredential(name:)`` if it was removed or replaced meanwhile.
    public func secret(of record: Record, destination: [UInt8]) throws(VaultError) -> Secret {
        let unlocked = try requireUnlocked()
        let row = try unlocked.row(named: record.name, store)
        guard row.id == record.id, row.revision == record.revision else {
            throw .noSuchCredential(name: record.name)
        }
        do {
            return try RecordSeal.secret(row, destination: destination, with: unlocked.master)
        } catch {
            throw .damaged(.secret)
        }
    }

    /// Seals a new credential.
    ///
    /// - Throws: ``VaultError/credentialExists(name:)``, ``VaultError/locked``, ``VaultError/io(_:)``.
    @discardableResult
    public func add(
        name: String, metadata: [UInt8], destination: [UInt8], secret: borrowing Secret
    ) throws(VaultError) -> Record {
        try add(
            Record(
                id: .random(byteCount: Format.idByteCount), revision: 1, name: name,
                metadata: metadata),
            destination: destination, secret: secret, nonces: RecordSeal.Nonces())
    }

    /// The same with a record id that somebody else needed before: 16 random bytes.
    @discardableResult
    package func add(
        name: String, metadata: [UInt8], destination: [UInt8], secret: borrowing Secret,
        id: [UInt8]
    ) throws(VaultError) -> Record {
        try add(
            Record(id: id, revision: 1, name: name, metadata: metadata),
            destination: destination, secret: secret, nonces: RecordSeal.Nonces())
    }

    /// The same with given random values: for test vectors.
    package func add(
        name: String, metadata: [UInt8], destination: [UInt8], secret: borrowing Secret,
        id: [UInt8], nonces: (metadata: [UInt8], secret: [UInt8])
    ) throws(VaultError) -> Record {
        try add(
            Record(id: id, revision: 1, name: name, metadata: metadata),
            destination: destination, secret: secret,
            nonces: RecordSeal.Nonces(metadata: nonces.metadata, secret: nonces.secret))
    }

    private func add(
        _ record: Record, destination: [UInt8], secret: borrowing Secret,
        nonces: RecordSeal.Nonces
    ) throws(VaultError) -> Record {
        let unlocked = try requireUnlocked()
        guard !unlocked.contains(record.name) else { throw .credentialExists(name: record.name) }
        let row = RecordSeal.row(
            record, secret: secret, destination: destination, with: unlocked.master,
            nonces: nonces)
        try unlocked.write([.insert(row)], adding: row, to: store)
        try acknowledge(unlocked)
        return record
    }

    /// Seals another state of a credential, with a new secret.
    ///
    /// - Throws: ``VaultError/noSuchCredential(name:)``, ``VaultError/locked``, ``VaultError/io(_:)``.
    @discardableResult
    public func replace(
        name: String, metadata: [UInt8], destination: [UInt8], secret: borrowing Secret
    ) throws(VaultError) -> Record {
        let unlocked = try requireUnlocked()
        let old = try unlocked.row(named: name, store)
        return try replace(
            old, name, metadata: metadata, destination: destination, secret: secret, unlocked)
    }

    /// Seals another state of a credential, and keeps its secret, which must go where it went before.
    ///
    /// - Throws: ``VaultError/destinationChanged(name:)``, ``VaultError/noSuchCredential(name:)``,
    ///   ``VaultError/locked``, ``VaultError/io(_:)``.
    @discardableResult
    public func update(
        name: String, metadata: [UInt8], destination: [UInt8]
    ) throws(VaultError) -> Record {
        let unlocked = try requireUnlocked()
        let old = try unlocked.row(named: name, store)
        let secret: Secret
        do {
            secret = try RecordSeal.secret(old, destination: destination, with: unlocked.master)
        } catch {
            throw .destinationChanged(name: name)
        }
        return try replace(
            old, name, metadata: metadata, destination: destination, secret: secret, unlocked)
    }

    private func replace(
        _ old: RecordRow, _ name: String, metadata: [UInt8], destination: [UInt8],
        secret: borrowing Secret, _ unlocked: UnlockedVault
    ) throws(VaultError) -> Record {
        let record = Record(
            id: old.id, revision: old.revision + 1, name: name, metadata: metadata)
        let row = RecordSeal.row(
            record, secret: secret, destination: destination, with: unlocked.master)
        try unlocked.write([.update(row)], removing: old, adding: row, to: store)
        try acknowledge(unlocked)
        return record
    }

    /// Removes a credential, and empties the log, so that its sealed secret does not stay there.
    ///
    /// - Returns: what was removed.
    /// - Throws: ``VaultError/noSuchCredential(name:)``, ``VaultError/locked``, ``VaultError/io(_:)``.
    @discardableResult
    public func remove(name: String) throws(VaultError) -> Record {
        let unlocked = try requireUnlocked()
        let row = try unlocked.row(named: name, store)
        let record = try RecordSeal.record(row, with: unlocked.master)
        let tombstone = RecordSeal.tombstone(record, with: unlocked.master)
        try unlocked.write(
            [.delete(nameIndex: row.nameIndex), .insertTombstone(tombstone)], removing: row,
            tombstone: tombstone, to: store)
        try acknowledge(unlocked, emptiesLog: true)
        return record
    }
}
