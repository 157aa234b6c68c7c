internal import Host
internal import Sodium

/// The highest generation that this machine saw of a vault, kept outside of it.
///
/// An older copy of the vault, put in its place, is told by it. Whoever can write this folder too can
/// change both.
struct RememberedGeneration {
    private let path: String
    private let folder: String

    init(folder: String, vaultID: [UInt8]) {
        self.folder = folder
        path =
            folder + "/"
            + vaultID.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
            .joined()
    }

    // 8 bytes, little-endian, and a keyed hash over them.
    private static let byteCount = 8 + KeyedHash.byteCount

    /// What was remembered; nil if nothing was.
    func read(with master: borrowing MasterKey) throws(VaultError) -> UInt64? {
        let bytes: [UInt8]?
        do {
            bytes = try PrivateFiles.read(path, limit: Self.byteCount + 1)
        } catch {
            throw .host(error)
        }
        guard let bytes else { return nil }
        guard bytes.count == Self.byteCount else {
            throw .damaged(.rememberedGeneration(path: path))
        }
        let generation = UInt64(littleEndianBytes: bytes[0..<8])
        let expected = Self.encoded(generation, with: master)
        guard expected.span.isEqualInConstantTime(to: bytes.span) else {
            throw .damaged(.rememberedGeneration(path: path))
        }
        return generation
    }

    /// Remembers a generation; on disk when this returns.
    func write(_ generation: UInt64, with master: borrowing MasterKey) throws(VaultError) {
        try write(Self.encoded(generation, with: master))
    }

    /// Remembers what ``encoded(_:with:)`` made while there was a key; on disk when this returns.
    func write(_ encoded: [UInt8]) throws(VaultError) {
        do {
            try PrivateFiles.makeFolder(folder)
            try PrivateFiles.replace(path, with: encoded)
        } catch {
            throw .host(error)
        }
    }

    /// What stands for a generation.
    static func encoded(_ generation: UInt64, with master: borrowing MasterKey) -> [UInt8] {
        var hash = KeyedHash(key: master.subkey("remembered generation"))
        hash.append(generation)
        return generation.littleEndianBytes + hash.finalize()
    }
}
