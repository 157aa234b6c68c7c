internal import Sodium

/// Hashes rows for the manifest: keyed BLAKE2b-256 over the table's name and every column.
struct RowHash: ~Copyable {
    private let key: Secret

    init(_ master: borrowing MasterKey) {
        key = master.subkey("row hash")
    }

    borrowing func of(_ row: RecordRow) -> Digest {
        var hash = KeyedHash(key: key)
        hash.append("record")
        hash.append(row.nameIndex)
        hash.append(row.id)
        hash.append(row.revision)
        hash.append(row.metadata)
        hash.append(row.secret)
        return Self.digest(hash.finalize())
    }

    borrowing func of(_ row: TombstoneRow) -> Digest {
        var hash = KeyedHash(key: key)
        hash.append("tombstone")
        hash.append(row.id)
        hash.append(row.revision)
        hash.append(row.name)
        return Self.digest(hash.finalize())
    }

    borrowing func of(_ keyslot: Keyslot) -> Digest {
        var hash = KeyedHash(key: key)
        hash.append("keyslot")
        hash.append(UInt64(keyslot.slot))
        hash.append(keyslot.checksum)
        return Self.digest(hash.finalize())
    }

    private static func digest(_ bytes: [UInt8]) -> Digest { Digest(bytes) ?? Digest() }
}

/// A sealed credential, as it lies in the file.
struct RecordRow: Equatable {
    var nameIndex: [UInt8]
    var id: [UInt8]
    var revision: UInt64
    var metadata: [UInt8]
    var secret: [UInt8]
}

/// What is left of a removed credential: its sealed name.
struct TombstoneRow: Equatable {
    var id: [UInt8]
    var revision: UInt64
    var name: [UInt8]
}
