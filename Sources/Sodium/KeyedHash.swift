import CSodium

/// BLAKE2b-256 over fields that are each prefixed with their length
/// ([`crypto_generichash`](https://doc.libsodium.org/hashing/generic_hashing)).
///
/// The prefix (8 bytes, little-endian) keeps `("ab", "c")` and `("a", "bc")` apart.
@safe public struct KeyedHash: ~Copyable {
    /// How many bytes a hash, and a derived key, has.
    public static let byteCount = 32

    // The state is opaque to Swift, and asks for 64-byte alignment.
    private let state: UnsafeMutableRawPointer
    private static let stateByteCount = crypto_generichash_statebytes()

    /// Begins a hash with a key of 16 to 64 bytes.
    public init(key: borrowing Secret) {
        precondition((16...64).contains(key.byteCount), "a key of \(key.byteCount) bytes")
        unsafe state = Self.allocateState()
        key.withBytes { bytes in
            unsafe bytes.withUnsafeBufferPointer { key in
                _ = unsafe crypto_generichash_init(
                    OpaquePointer(state), key.baseAddress, key.count, Self.byteCount)
            }
        }
    }

    /// Begins a hash without a key: a checksum.
    public init() {
        unsafe state = Self.allocateState()
        _ = unsafe crypto_generichash_init(OpaquePointer(state), nil, 0, Self.byteCount)
    }

    private static func allocateState() -> UnsafeMutableRawPointer {
        Library.require()
        return UnsafeMutableRawPointer.allocate(byteCount: stateByteCount, alignment: 64)
    }

    /// Adds one field.
    public mutating func append(_ field: Span<UInt8>) {
        append(rawInteger: UInt64(field.count))
        unsafe field.withUnsafeBufferPointer { bytes in
            _ = unsafe crypto_generichash_update(
                OpaquePointer(state), bytes.baseAddress, UInt64(bytes.count))
        }
    }

    /// Adds one field of bytes.
    public mutating func append(_ field: [UInt8]) {
        append(field.span)
    }

    /// Adds the UTF-8 bytes of a text as one field.
    public mutating func append(_ text: String) {
        append(Array(text.utf8))
    }

    /// Adds an integer as one field of 8 bytes, little-endian.
    public mutating func append(_ integer: UInt64) {
        append(rawInteger: 8)
        append(rawInteger: integer)
    }

    /// Ends the hash.
    public consuming func finalize() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            count = unsafe finish(into: buffer)
        }
    }

    /// Ends the hash as a key that is derived from the hash's own.
    public consuming func finalizeKey() -> Secret {
        Secret(byteCount: Self.byteCount) { output in
            unsafe output.withUnsafeMutableBufferPointer { buffer, count in
                count = unsafe finish(into: buffer)
            }
        }
    }

    private borrowing func finish(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        _ = unsafe crypto_generichash_final(OpaquePointer(state), start, Self.byteCount)
        return Self.byteCount
    }

    private mutating func append(rawInteger integer: UInt64) {
        unsafe withUnsafeBytes(of: integer.littleEndian) { raw in
            _ = unsafe crypto_generichash_update(
                OpaquePointer(state), raw.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(raw.count))
        }
    }

    deinit {
        unsafe sodium_memzero(state, Self.stateByteCount)
        unsafe state.deallocate()
    }
}

@available(*, unavailable)
extension KeyedHash: Sendable {}
