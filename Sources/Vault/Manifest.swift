internal import Sodium

/// What says which rows belong to the vault: sealed anew in the transaction of every change.
struct Manifest: Equatable {
    /// Counts the changes of the vault.
    var generation: UInt64
    /// How many rows there are in all tables but `vault`.
    var rowCount: UInt64
    /// The sum of all rows' hashes.
    var sum: Digest
    /// How long the audit trail was, and its last hash, at its last checkpoint: zero until there is one.
    var trailLength: UInt64 = 0
    var trailHead = Digest()

    var trail: TrailPoint {
        get { TrailPoint(length: trailLength, head: trailHead.bytes) }
        set {
            trailLength = newValue.length
            trailHead = Digest(newValue.head) ?? Digest()
        }
    }

    static let byteCount = 88

    init(generation: UInt64 = 0, rowCount: UInt64 = 0, sum: Digest = Digest()) {
        self.generation = generation
        self.rowCount = rowCount
        self.sum = sum
    }

    func sealed(with master: borrowing MasterKey, nonce: [UInt8]) -> [UInt8] {
        let bytes =
            generation.littleEndianBytes + rowCount.littleEndianBytes + sum.bytes
            + trailLength.littleEndianBytes + trailHead.bytes
        return SecretBox.seal(bytes.span, with: master.subkey("manifest"), nonce: nonce)
    }

    init(opening box: [UInt8], with master: borrowing MasterKey) throws(VaultError) {
        let bytes: [UInt8]
        do {
            bytes = try SecretBox.open(box.span, with: master.subkey("manifest"))
                .withBytes { $0.copied() }
        } catch {
            throw .damaged(.manifest)
        }
        guard bytes.count == Self.byteCount, let sum = Digest(Array(bytes[16..<48])),
            let head = Digest(Array(bytes[56..<88]))
        else { throw .damaged(.manifest) }
        generation = UInt64(littleEndianBytes: bytes[0..<8])
        rowCount = UInt64(littleEndianBytes: bytes[8..<16])
        self.sum = sum
        trailLength = UInt64(littleEndianBytes: bytes[48..<56])
        trailHead = head
    }

    /// The manifest after a change: some rows went, some came.
    func next(removing: [Digest], adding: [Digest]) -> Manifest {
        var next = self
        next.generation += 1
        next.rowCount = rowCount + UInt64(adding.count) - UInt64(removing.count)
        next.sum = adding.reduce(removing.reduce(sum, -), +)
        return next
    }
}
