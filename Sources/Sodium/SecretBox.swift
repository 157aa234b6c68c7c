import CSodium

/// Authenticated encryption with one key
/// ([`crypto_secretbox`](https://doc.libsodium.org/secret-key_cryptography/secretbox):
/// XSalsa20-Poly1305).
///
/// A box is the random 24-byte nonce, then the 16-byte tag, then as many bytes as were sealed. It has
/// no associated data: what a box belongs to is bound through the derivation of its key.
public enum SecretBox: Sendable {
    /// Bytes of a key.
    public static let keyByteCount = 32
    /// Bytes of a nonce.
    public static let nonceByteCount = 24
    /// Bytes that a box has more than what was sealed: nonce and tag.
    public static let overhead = 24 + 16

    /// Seals bytes with a key of 32 bytes, under a fresh random nonce.
    public static func seal(_ message: Span<UInt8>, with key: borrowing Secret) -> [UInt8] {
        seal(message, with: key, nonce: .random(byteCount: nonceByteCount))
    }

    /// Seals bytes under a given nonce: for test vectors alone.
    package static func seal(
        _ message: Span<UInt8>, with key: borrowing Secret, nonce: [UInt8]
    ) -> [UInt8] {
        precondition(key.byteCount == keyByteCount && nonce.count == nonceByteCount)
        Library.require()
        let total = message.count + overhead
        return unsafe [UInt8](unsafeUninitializedCapacity: total) { box, initialized in
            for index in nonce.indices { unsafe box[index] = nonce[index] }
            key.withBytes { key in
                unsafe key.withUnsafeBufferPointer { key in
                    unsafe message.withUnsafeBufferPointer { message in
                        guard let start = box.baseAddress, let key = key.baseAddress else { return }
                        _ = unsafe crypto_secretbox_easy(
                            start.advanced(by: nonceByteCount), message.baseAddress,
                            UInt64(message.count), nonce, key)
                        Library.wipeStack()
                    }
                }
            }
            initialized = total
        }
    }

    /// Opens a box into guarded memory.
    ///
    /// - Throws: ``SodiumError/forged`` if the box was not made with this key, was changed, or is too
    ///   short to be one.
    public static func open(
        _ box: Span<UInt8>, with key: borrowing Secret
    ) throws(SodiumError) -> Secret {
        precondition(key.byteCount == keyByteCount)
        Library.require()
        guard box.count >= overhead else { throw .forged }
        return try Secret(byteCount: box.count - overhead) { output throws(SodiumError) in
            let isOpen = unsafe output.withUnsafeMutableBufferPointer { message, initialized in
                let isOpen = key.withBytes { key in
                    unsafe key.withUnsafeBufferPointer { key in
                        unsafe box.withUnsafeBufferPointer { box in
                            guard let start = box.baseAddress, let key = key.baseAddress
                            else { return false }
                            let result = unsafe crypto_secretbox_open_easy(
                                message.baseAddress, start.advanced(by: nonceByteCount),
                                UInt64(box.count - nonceByteCount), start, key)
                            Library.wipeStack()
                            return result == 0
                        }
                    }
                }
                initialized = isOpen ? message.count : 0
                return isOpen
            }
            guard isOpen else { throw .forged }
        }
    }
}
