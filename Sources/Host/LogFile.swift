#if canImport(Glibc)
internal import Glibc
#endif
internal import Synchronization

/// A log of bounded size (0600): when it is full, it becomes `NAME.old`, and a new one begins.
public final class LogFile: Sendable {
    /// The most bytes of the file; with the old one, twice as many are kept.
    public static let limit = 1 << 20

    private let path: String
    private let size: Mutex<Int>

    /// A log at the path; its folder is made if it is not there.
    ///
    /// - Throws: ``HostError`` if the folder is not safe.
    public init(_ path: String) throws(HostError) {
        self.path = path
        try PrivateFiles.makeFolder(SocketPlace.folder(of: path))
        var status = stat()
        size = Mutex(unsafe lstat(path, &status) == 0 ? Int(status.st_size) : 0)
    }

    /// Adds one line.
    ///
    /// A log that can't be written stops nothing.
    public func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        size.withLock { size in
            if size + bytes.count > Self.limit {
                _ = unsafe rename(path, path + ".old")
                size = 0
            }
            let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW
            let file = unsafe open(path, flags, 0o600)
            guard file >= 0 else { return }
            defer { close(file) }
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(file, buffer.baseAddress, buffer.count)
            }
            size += max(written, 0)
        }
    }
}

/// Standard output and standard error, as bytes.
public enum StandardStream: Int32, Sendable {
    /// Standard output.
    case output = 1
    /// Standard error.
    case error = 2

    /// Writes a text whole.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)`` if the reader has gone, or the disk is full.
    public func write(_ text: String) throws(HostError) {
        try write(Array(text.utf8))
    }

    /// Writes bytes, all of them.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func write(_ bytes: [UInt8]) throws(HostError) {
        var offset = 0
        while offset < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    rawValue, buffer.baseAddress.map { unsafe $0 + offset },
                    bytes.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                throw .system(operation: "write", path: nil, code: errno)
            }
            offset += written
        }
    }
}
