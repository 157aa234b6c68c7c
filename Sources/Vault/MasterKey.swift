internal import Sodium

/// The vault's one random key, and all keys that are derived from it.
///
/// Every derived key is keyed BLAKE2b-256 of the master key over purpose, vault id and what else it is
/// for, each field length-prefixed: Format.md, "Keys".
struct MasterKey: ~Copyable {
    static let byteCount = 32

    private let key: Secret
    private let vaultID: [UInt8]

    init(_ key: consuming Secret, vaultID: [UInt8]) {
        precondition(key.byteCount == Self.byteCount)
        self.key = key
        self.vaultID = vaultID
    }

    /// Lends the key itself, to be sealed in a keyslot.
    borrowing func withKey<R: ~Copyable>(_ body: (borrowing Secret) -> R) -> R {
        body(key)
    }

    private borrowing func hash(_ purpose: String) -> KeyedHash {
        var hash = KeyedHash(key: key)
        hash.append("bursar 1 " + purpose)
        hash.append(vaultID)
        return hash
    }

    borrowing func subkey(_ purpose: String) -> Secret {
        hash(purpose).finalizeKey()
    }

    borrowing func metadataKey(record id: [UInt8], revision: UInt64) -> Secret {
        var hash = hash("metadata")
        hash.append(id)
        hash.append(revision)
        return hash.finalizeKey()
    }

    borrowing func secretKey(
        record id: [UInt8], revision: UInt64, destination: [UInt8]
    ) -> Secret {
        var hash = hash("secret")
        hash.append(id)
        hash.append(revision)
        hash.append(destination)
        return hash.finalizeKey()
    }

    borrowing func tombstoneKey(record id: [UInt8], revision: UInt64) -> Secret {
        var hash = hash("tombstone")
        hash.append(id)
        hash.append(revision)
        return hash.finalizeKey()
    }
}
