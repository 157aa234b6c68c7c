internal import Sodium

/// A credential as the vault knows it: what it is called, and bytes that somebody else encodes.
public struct Record: Sendable, Equatable {
    /// 16 random bytes; they stay when the credential is changed.
    public let id: [UInt8]
    /// Counts the changes of this credential.
    public let revision: UInt64
    /// What its owner calls it.
    public let name: String
    /// Everything about it but its secret.
    public let metadata: [UInt8]

    init(id: [UInt8], revision: UInt64, name: String, metadata: [UInt8]) {
        self.id = id
        self.revision = revision
        self.name = name
        self.metadata = metadata
    }
}

/// Seals and opens the two halves of a record, each with a key of its own.
enum RecordSeal {
    /// The nonces of one record; random but in test vectors.
    struct Nonces {
        var metadata = [UInt8].random(byteCount: SecretBox.nonceByteCount)
        var secret = [UInt8].random(byteCount: SecretBox.nonceByteCount)
    }

    /// The blind index of a name: a keyed hash that shows nothing of it.
    static func nameIndex(_ name: String, _ master: borrowing MasterKey) -> [UInt8] {
        var hash = KeyedHash(key: master.subkey("name index"))
        hash.append(name)
        return hash.finalize()
    }

    static func row(
        _ record: Record, secret: borrowing Secret, destination: [UInt8],
        with master: borrowing MasterKey, nonces: Nonces = Nonces()
    ) -> RecordRow {
        RecordRow(
            nameIndex: nameIndex(record.name, master), id: record.id, revision: record.revision,
            metadata: seal(metadataOf: record, with: master, nonce: nonces.metadata),
            secret: seal(
                secret, of: record, destination: destination, with: master,
                nonce: nonces.secret))
    }

    // Metadata: the name's length in 2 bytes, little-endian; the name; the encoded rest.
    private static func seal(
        metadataOf record: Record, with master: borrowing MasterKey, nonce: [UInt8]
    ) -> [UInt8] {
        let name = Array(record.name.utf8)
        precondition(name.count <= Int(UInt16.max))
        let plain =
            [UInt8(truncatingIfNeeded: name.count), UInt8(truncatingIfNeeded: name.count >> 8)]
            + name + record.metadata
        let key = master.metadataKey(record: record.id, revision: record.revision)
        return Padding.pad(plain.span, blockByteCount: Format.metadataBlock)
            .withBytes { SecretBox.seal($0, with: key, nonce: nonce) }
    }

    private static func seal(
        _ secret: borrowing Secret, of record: Record, destination: [UInt8],
        with master: borrowing MasterKey, nonce: [UInt8]
    ) -> [UInt8] {
        let key = master.secretKey(
            record: record.id, revision: record.revision, destination: destination)
        return secret.withBytes { bytes in
            Padding.pad(bytes, blockByteCount: Format.secretBlock)
                .withBytes { SecretBox.seal($0, with: key, nonce: nonce) }
        }
    }

    /// Opens a record's metadata; its secret stays sealed.
    static func record(
        _ row: RecordRow, with master: borrowing MasterKey
    ) throws(VaultError) -> Record {
        let plain: [UInt8]
        do throws(SodiumError) {
            let key = master.metadataKey(record: row.id, revision: row.revision)
            let padded = try SecretBox.open(row.metadata.span, with: key)
            plain = try padded.withBytes { bytes throws(SodiumError) in
                let count = try Padding.unpaddedByteCount(
                    of: bytes, blockByteCount: Format.metadataBlock)
                return bytes.extracting(0..<count).copied()
            }
        } catch {
            throw .damaged(.metadata)
        }
        guard plain.count >= 2 else { throw .damaged(.metadata) }
        let end = 2 + Int(plain[0]) + Int(plain[1]) << 8
        guard plain.count >= end,
            let name = String(validating: plain[2..<end], as: UTF8.self),
            nameIndex(name, master) == row.nameIndex
        else { throw .damaged(.metadata) }
        return Record(
            id: row.id, revision: row.revision, name: name, metadata: Array(plain[end...]))
    }

    /// Opens a record's secret, which only the destination it was sealed for can.
    static func secret(
        _ row: RecordRow, destination: [UInt8], with master: borrowing MasterKey
    ) throws(SodiumError) -> Secret {
        let key = master.secretKey(
            record: row.id, revision: row.revision, destination: destination)
        let padded = try SecretBox.open(row.secret.span, with: key)
        return try padded.withBytes { bytes throws(SodiumError) in
            let count = try Padding.unpaddedByteCount(
                of: bytes, blockByteCount: Format.secretBlock)
            return Secret(copying: bytes.extracting(0..<count))
        }
    }

    static func tombstone(_ record: Record, with master: borrowing MasterKey) -> TombstoneRow {
        let revision = record.revision + 1
        let key = master.tombstoneKey(record: record.id, revision: revision)
        let name = Array(record.name.utf8)
        let sealed = Padding.pad(name.span, blockByteCount: Format.metadataBlock)
            .withBytes { SecretBox.seal($0, with: key) }
        return TombstoneRow(id: record.id, revision: revision, name: sealed)
    }

    /// Opens a tombstone's name.
    static func name(
        of row: TombstoneRow, with master: borrowing MasterKey
    ) throws(VaultError) -> String {
        do throws(SodiumError) {
            let key = master.tombstoneKey(record: row.id, revision: row.revision)
            let padded = try SecretBox.open(row.name.span, with: key)
            return try padded.withBytes { bytes throws(SodiumError) in
                let count = try Padding.unpaddedByteCount(
                    of: bytes, blockByteCount: Format.metadataBlock)
                return String(decoding: bytes.extracting(0..<count).copied(), as: UTF8.self)
            }
        } catch {
            throw .damaged(.metadata)
        }
    }
}
