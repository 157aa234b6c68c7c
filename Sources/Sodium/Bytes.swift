import CSodium

extension Span<UInt8> {
    /// Whether both have the same bytes, in a time that depends on their lengths alone
    /// ([`sodium_memcmp`](https://doc.libsodium.org/helpers)).
    public func isEqualInConstantTime(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs in
                unsafe sodium_memcmp(mine.baseAddress, theirs.baseAddress, mine.count) == 0
            }
        }
    }

    /// The bytes as an array, for what is no secret.
    public func copied() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in indices { bytes.append(self[index]) }
        return bytes
    }
}

extension [UInt8] {
    /// Random bytes ([`randombytes_buf`](https://doc.libsodium.org/generating_random_data)), for what
    /// is no secret: salts, nonces, ids.
    public static func random(byteCount: Int) -> [UInt8] {
        Library.require()
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            guard let start = buffer.baseAddress else { return }
            unsafe randombytes_buf(start, byteCount)
            initialized = byteCount
        }
    }

    /// Overwrites the bytes with zeros in a way that the compiler can't leave out
    /// ([`sodium_memzero`](https://doc.libsodium.org/memory_management)).
    public mutating func wipe() {
        unsafe withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe sodium_memzero(start, bytes.count)
        }
        removeAll()
    }
}
