import CSodium

/// Bytes that nobody may print, copy by accident, encode or leave behind in memory.
///
/// The bytes lie in guarded, locked memory ([`sodium_malloc`][m]) and are zeroed when the value ends.
/// A `Secret` is noncopyable: it is consumed, or lent for the length of one call. It may be moved
/// between threads; nothing in it changes after it was made.
///
/// Locking is best effort: beyond `RLIMIT_MEMLOCK` libsodium allocates all the same
/// (see ``isLockingRefused(byteCount:)``).
///
/// [m]: https://doc.libsodium.org/memory_management
@safe public struct Secret: ~Copyable, @unchecked Sendable {
    /// How many bytes the secret has.
    public let byteCount: Int
    private let storage: UnsafeMutableRawPointer

    /// Makes a secret whose bytes the closure writes straight into guarded memory.
    ///
    /// - Parameters:
    ///   - capacity: the most bytes that may be written; the secret has as many as were written.
    ///   - body: appends the bytes. What it leaves on its own stack is its to wipe.
    /// - Throws: what `body` throws; nothing is left behind then.
    public init<E: Error>(
        byteCount capacity: Int, initializingWith body: (inout OutputSpan<UInt8>) throws(E) -> Void
    ) throws(E) {
        Library.require()
        guard let memory = unsafe sodium_malloc(max(capacity, 1)) else {
            preconditionFailure("no memory for a secret of \(capacity) bytes")
        }
        let buffer = unsafe UnsafeMutableBufferPointer(
            start: memory.assumingMemoryBound(to: UInt8.self), count: capacity)
        var written = 0
        do throws(E) {
            var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
            try body(&output)
            written = unsafe output.finalize(for: buffer)
        } catch {
            unsafe sodium_free(memory)
            throw error
        }
        unsafe sodium_mprotect_readonly(memory)
        byteCount = written
        unsafe storage = memory
    }

    /// Copies bytes into guarded memory; the original is the caller's to wipe.
    public init(copying bytes: Span<UInt8>) {
        self.init(byteCount: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    /// A secret of random bytes ([`randombytes_buf`](https://doc.libsodium.org/generating_random_data)).
    public static func random(byteCount: Int) -> Secret {
        Library.require()
        return Secret(byteCount: byteCount) { output in
            unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                guard let start = buffer.baseAddress else { return }
                unsafe randombytes_buf(start, byteCount)
                initialized = byteCount
            }
        }
    }

    /// Lends the bytes for the length of one call.
    public borrowing func withBytes<R: ~Copyable, E: Error>(
        _ body: (Span<UInt8>) throws(E) -> R
    ) throws(E) -> R {
        let buffer = unsafe UnsafeBufferPointer(
            start: UnsafePointer(storage.assumingMemoryBound(to: UInt8.self)), count: byteCount)
        return try body(unsafe buffer.span)
    }

    /// A second secret with the same bytes.
    public borrowing func copy() -> Secret {
        withBytes { Secret(copying: $0) }
    }

    /// A secret of some of the bytes, say one of the two keys that a derivation gave.
    public borrowing func slice(_ range: Range<Int>) -> Secret {
        withBytes { Secret(copying: $0.extracting(range)) }
    }

    /// Whether both have the same bytes, in a time that depends on their lengths alone
    /// ([`sodium_memcmp`](https://doc.libsodium.org/helpers)).
    public borrowing func isEqual(to other: borrowing Secret) -> Bool {
        withBytes { mine in other.withBytes { theirs in mine.isEqualInConstantTime(to: theirs) } }
    }

    /// Whether the system refuses to lock so many bytes, so that they could be swapped to disk.
    public static func isLockingRefused(byteCount: Int) -> Bool {
        Library.require()
        guard let memory = unsafe sodium_malloc(byteCount) else { return true }
        defer { unsafe sodium_free(memory) }
        return unsafe sodium_mlock(memory, byteCount) != 0
    }

    deinit { unsafe sodium_free(storage) }
}

/// A secret that several owners keep, for places that can't hold a noncopyable value.
public final class SharedSecret: Sendable {
    private let secret: Secret

    /// Takes the secret; it is wiped when the last owner lets go.
    public init(_ secret: consuming Secret) {
        self.secret = secret
    }

    /// How many bytes the secret has.
    public var byteCount: Int { secret.byteCount }

    /// Lends the secret for the length of one call.
    public func withSecret<R: ~Copyable, E: Error>(
        _ body: (borrowing Secret) throws(E) -> R
    ) throws(E) -> R {
        try body(secret)
    }
}

extension Secret {
    /// How many bytes there are without one line end, `\n` or `\r\n`, after them.
    public var byteCountWithoutLineEnd: Int {
        withBytes { bytes in
            var count = bytes.count
            if count > 0, bytes[count - 1] == UInt8(ascii: "\n") {
                count -= 1
                if count > 0, bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
            }
            return count
        }
    }
}
