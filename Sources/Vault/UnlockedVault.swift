internal import Sodium

/// What an unlocked vault keeps in memory: its keys, its manifest, and which rows belong to it.
///
/// Every row that is read later is compared with what was verified at unlock; "no such credential" is
/// answered from here, never from a look-up in the file that found nothing.
final class UnlockedVault {
    let master: MasterKey
    private let rowHash: RowHash
    private var manifest: Manifest
    // As it lies in the file.
    private var sealedManifest: [UInt8]
    private var records: [Digest: Known] = [:]
    private var keyslotHashes: [UInt32: Digest] = [:]

    /// Verifies every row of the file against the manifest.
    ///
    /// - Throws: ``VaultError/damaged(_:)`` if one is changed, missing or too many.
    init(
        _ master: consuming MasterKey, manifest: Manifest, sealed: [UInt8], keyslots: [Keyslot],
        store: Store
    ) throws(VaultError) {
        let rowHash = RowHash(master)
        let rows = try Self.read(store, keyslots, rowHash)
        guard rows.count == manifest.rowCount, rows.sum == manifest.sum else {
            throw .damaged(.manifest)
        }
        self.master = master
        self.rowHash = rowHash
        self.manifest = manifest
        sealedManifest = sealed
        records = rows.records
        keyslotHashes = rows.keyslots
    }

    /// What is known of a record without its row: by its blind index.
    private struct Known: Equatable {
        let hash: Digest
        // Two integers are a tenth of what an array takes.
        private let id: (UInt64, UInt64)

        init(_ row: RecordRow, _ hash: Digest) {
            self.hash = hash
            id = (Self.word(row.id, at: 0), Self.word(row.id, at: 8))
        }

        // At each row of an unlocking; slices are slower.
        private static func word(_ bytes: [UInt8], at start: Int) -> UInt64 {
            var word: UInt64 = 0
            for index in 0..<8 where start + index < bytes.count {
                word |= UInt64(bytes[start + index]) << UInt64(8 * index)
            }
            return word
        }

        var recordID: [UInt8] { id.0.littleEndianBytes + id.1.littleEndianBytes }

        static func == (one: Known, other: Known) -> Bool {
            one.hash == other.hash && one.id == other.id
        }
    }

    /// The hashes of all rows of a file.
    private struct Rows {
        var count: UInt64 = 0
        var sum = Digest()
        var records: [Digest: Known] = [:]
        var keyslots: [UInt32: Digest] = [:]

        mutating func add(_ hash: Digest) {
            count += 1
            sum = sum + hash
        }
    }

    private static func read(
        _ store: Store, _ keyslots: [Keyslot], _ rowHash: borrowing RowHash
    ) throws(VaultError) -> Rows {
        var rows = Rows()
        try store.forEachRecord { row throws(VaultError) in
            guard let index = Digest(row.nameIndex) else { throw .damaged(.record) }
            let hash = rowHash.of(row)
            rows.records[index] = Known(row, hash)
            rows.add(hash)
        }
        for row in try store.tombstones() { rows.add(rowHash.of(row)) }
        for keyslot in keyslots {
            let hash = rowHash.of(keyslot)
            rows.keyslots[keyslot.slot] = hash
            rows.add(hash)
        }
        return rows
    }

    /// Compares every row, and the manifest, with what was verified at unlock or written since.
    ///
    /// - Throws: ``VaultError/damaged(_:)``.
    func requireUnchanged(_ store: Store, keyslots: [Keyslot]) throws(VaultError) {
        guard try store.vault().manifest == sealedManifest else { throw .damaged(.manifest) }
        let rows = try Self.read(store, keyslots, rowHash)
        guard rows.count == manifest.rowCount, rows.sum == manifest.sum, rows.records == records
        else {
            throw .damaged(.manifest)
        }
    }

    /// A vault that was just made, with one keyslot.
    init(_ master: consuming MasterKey, keyslot: Keyslot) {
        let rowHash = RowHash(master)
        let hash = rowHash.of(keyslot)
        manifest = Manifest().next(removing: [], adding: [hash])
        sealedManifest = manifest.sealed(
            with: master, nonce: .random(byteCount: SecretBox.nonceByteCount))
        keyslotHashes = [keyslot.slot: hash]
        self.master = master
        self.rowHash = rowHash
    }

    var generation: UInt64 { manifest.generation }

    /// The audit trail's checkpoint, as it is sealed.
    var trail: TrailPoint { manifest.trail }

    /// What the next change seals as the audit trail's checkpoint; nil for the one that is sealed now.
    var nextTrail: TrailPoint?

    var count: Int { records.count }

    func contains(_ name: String) -> Bool {
        Digest(RecordSeal.nameIndex(name, master)).flatMap { records[$0] } != nil
    }

    /// The row of a vault that was just made.
    func firstRow(id: [UInt8]) -> Store.Change {
        .insertVault(id: id, manifest: sealedManifest)
    }

    /// Reads a record's row, as it was at unlock or written since.
    ///
    /// - Throws: ``VaultError/noSuchCredential(name:)``, or ``VaultError/damaged(_:)`` if the file holds
    ///   another row.
    func row(named name: String, _ store: Store) throws(VaultError) -> RecordRow {
        let nameIndex = RecordSeal.nameIndex(name, master)
        guard let index = Digest(nameIndex), let hash = records[index]?.hash else {
            throw .noSuchCredential(name: name)
        }
        guard let row = try store.record(nameIndex), rowHash.of(row) == hash else {
            throw .damaged(.record)
        }
        return row
    }

    /// The id of a record, from memory; nil if there is none of that name.
    func recordID(_ name: String) -> [UInt8]? {
        Digest(RecordSeal.nameIndex(name, master)).flatMap { records[$0]?.recordID }
    }

    /// Whether a row is the one that belongs to the vault.
    func isGenuine(_ row: RecordRow) -> Bool {
        Digest(row.nameIndex).flatMap { records[$0]?.hash } == rowHash.of(row)
    }

    /// Seals a checkpoint of the audit trail, to be written when there is no key any more.
    func lastSeal(_ point: TrailPoint) -> LastSeal {
        var next = manifest.next(removing: [], adding: [])
        next.trail = point
        return LastSeal(
            manifest: next.sealed(
                with: master, nonce: .random(byteCount: SecretBox.nonceByteCount)),
            replaced: sealedManifest,
            generation: RememberedGeneration.encoded(next.generation, with: master))
    }

    /// Writes a change of one record with the manifest that follows from it.
    func write(
        _ changes: [Store.Change], removing: RecordRow? = nil, adding: RecordRow? = nil,
        tombstone: TombstoneRow? = nil, keyslot: Keyslot? = nil, to store: Store
    ) throws(VaultError) {
        var gone: [Digest] = []
        var come: [Digest] = []
        if let removing { gone.append(rowHash.of(removing)) }
        if let adding { come.append(rowHash.of(adding)) }
        if let tombstone { come.append(rowHash.of(tombstone)) }
        if let keyslot {
            if let old = keyslotHashes[keyslot.slot] { gone.append(old) }
            come.append(rowHash.of(keyslot))
        }
        var next = manifest.next(removing: gone, adding: come)
        if let nextTrail { next.trail = nextTrail }
        let sealed = next.sealed(
            with: master, nonce: .random(byteCount: SecretBox.nonceByteCount))
        try store.write(changes + [.manifest(sealed, replacing: sealedManifest)])
        manifest = next
        nextTrail = nil
        sealedManifest = sealed
        if let removing, let index = Digest(removing.nameIndex) { records[index] = nil }
        if let adding, let index = Digest(adding.nameIndex) {
            records[index] = Known(adding, rowHash.of(adding))
        }
        if let keyslot { keyslotHashes[keyslot.slot] = rowHash.of(keyslot) }
    }
}
