import CSodium

/// Padding that hides a length ([`sodium_pad`](https://doc.libsodium.org/padding): ISO/IEC 7816-4).
public enum Padding: Sendable {
    /// The bytes, then `0x80`, then zeros up to a multiple of the block size; at least one byte more.
    public static func pad(_ bytes: Span<UInt8>, blockByteCount: Int) -> Secret {
        let total = (bytes.count / blockByteCount + 1) * blockByteCount
        return Secret(byteCount: total) { output in
            for index in bytes.indices { output.append(bytes[index]) }
            output.append(0x80)
            while output.count < total { output.append(0) }
        }
    }

    /// How many of the bytes are no padding ([`sodium_unpad`](https://doc.libsodium.org/padding)).
    ///
    /// - Throws: ``SodiumError/badPadding`` if the bytes are no whole padded blocks.
    public static func unpaddedByteCount(
        of bytes: Span<UInt8>, blockByteCount: Int
    ) throws(SodiumError) -> Int {
        guard bytes.count > 0, bytes.count % blockByteCount == 0 else { throw .badPadding }
        var count = 0
        let isPadded = unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe sodium_unpad(&count, start, buffer.count, blockByteCount) == 0
        }
        guard isPadded else { throw .badPadding }
        return count
    }
}
