#if canImport(Glibc)
internal import Glibc
#endif

/// Something to read a passphrase or a secret from, straight into the memory that is to hold it.
public struct InputDescriptor: ~Copyable, Sendable {
    private let number: Int32
    private let isOwned: Bool
    /// Whether it is a file that its group or others can read.
    public let isReadableByOthers: Bool

    /// Takes a descriptor that is open already; it stays open.
    ///
    /// - Throws: ``HostError/notOpen(descriptor:)``.
    public init(inherited number: Int32) throws(HostError) {
        guard fcntl(number, F_GETFD) >= 0 else {
            throw .notOpen(descriptor: number)
        }
        self.number = number
        isOwned = false
        isReadableByOthers = false
    }

    /// Opens a file.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public init(file path: String) throws(HostError) {
        number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        isOwned = true
        var status = stat()
        let isKnown = unsafe fstat(number, &status) == 0
        isReadableByOthers =
            !isKnown || (status.st_mode & S_IFMT == S_IFREG && status.st_mode & 0o044 != 0)
    }

    /// Takes over a descriptor that is this program's own.
    init(owned number: Int32) {
        self.number = number
        isOwned = true
        isReadableByOthers = false
    }

    /// Reads to the end, or as much as there is room for.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public borrowing func read(into output: inout OutputSpan<UInt8>) throws(HostError) {
        var failure: Int32 = 0
        unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            while count < buffer.count, let start = buffer.baseAddress {
                let got = unsafe Glibc.read(number, start + count, buffer.count - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        guard failure == 0 else { throw .system(operation: "read", path: nil, code: failure) }
    }

    deinit {
        if isOwned { _ = close(number) }
    }
}

/// Lends texts as the null-terminated array that C programs take.
func withCStrings<R>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    let copies = unsafe texts.map { unsafe strdup($0) } + [nil]
    defer { unsafe copies.forEach { unsafe free($0) } }
    return unsafe copies.withUnsafeBufferPointer { buffer in
        // The array ends with nil, so it is never empty.
        guard let start = buffer.baseAddress else { preconditionFailure("no arguments") }
        return unsafe body(start)
    }
}
