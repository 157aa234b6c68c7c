#if canImport(Glibc)
internal import Glibc
#endif

/// A private file (0600) that only grows: whole lines at its end, each in one `write(2)`.
public final class AppendOnlyFile: Sendable {
    /// Where it was opened.
    public let path: String
    private let descriptor: Int32
    private let identity: FileIdentity

    private init(_ path: String, _ descriptor: Int32, _ status: stat) {
        self.path = path
        self.descriptor = descriptor
        identity = FileIdentity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Opens a file, and makes it first if it is not there; its name is on disk then.
    ///
    /// - Throws: ``HostError``, also for a link, a file of somebody else, or one that others can read.
    public static func appending(_ path: String) throws(HostError) -> AppendOnlyFile {
        let flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        if let file = try open(path, flags) { return file }
        guard let file = try open(path, flags | O_CREAT | O_EXCL) else {
            throw .system(operation: "open", path: path, code: ENOENT)
        }
        try PrivateFiles.sync(folder: SocketPlace.folder(of: path))
        return file
    }

    /// Opens a file to read it; nil if it is not there.
    ///
    /// - Throws: ``HostError``, as ``appending(_:)``.
    public static func reading(_ path: String) throws(HostError) -> AppendOnlyFile? {
        try open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    }

    private static func open(_ path: String, _ flags: Int32) throws(HostError) -> AppendOnlyFile? {
        let file = unsafe Glibc.open(path, flags, 0o600)
        guard file >= 0 else {
            if errno == ENOENT, flags & O_CREAT == 0 { return nil }
            if errno == ELOOP { throw .unsafe(path: path, .symbolicLink) }
            throw .system(operation: "open", path: path, code: errno)
        }
        var status = stat()
        do throws(HostError) {
            guard unsafe fstat(file, &status) == 0 else {
                throw .system(operation: "stat", path: path, code: errno)
            }
            try PrivateFiles.requirePrivate(status, path)
        } catch {
            close(file)
            throw error
        }
        return AppendOnlyFile(path, file, status)
    }

    /// How many bytes it has.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func byteCount() throws(HostError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(operation: "stat", path: path, code: errno)
        }
        return Int(status.st_size)
    }

    /// Adds bytes in one `write(2)`: all of them, or none.
    ///
    /// - Parameters:
    ///   - bytes: at most some kilobytes.
    ///   - byteCount: how many bytes the file has to have before.
    /// - Throws: ``HostError/unsafe(path:_:)`` where the path leads to another file, or one of another length;
    ///   ``HostError/system(operation:path:code:)``, ENOSPC also for a disk that took a part.
    public func append(_ bytes: [UInt8], after byteCount: Int) throws(HostError) {
        try requireInPlace(byteCount: byteCount)
        var written = 0
        repeat {
            written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(descriptor, buffer.baseAddress, buffer.count)
            }
        } while written < 0 && errno == EINTR
        guard written != bytes.count else { return }
        let code = written < 0 ? errno : ENOSPC
        if written > 0 { _ = ftruncate(descriptor, byteCount) }
        throw .system(operation: "write", path: path, code: code)
    }

    /// Checks that the path still leads to this file, and that nobody else wrote it.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)``.
    public func requireInPlace(byteCount: Int) throws(HostError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0,
            FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)) == identity,
            status.st_size == byteCount
        else { throw .unsafe(path: path, .changed) }
    }

    /// Waits until what was written is on disk.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func sync() throws(HostError) {
        guard fdatasync(descriptor) == 0 else {
            throw .system(operation: "fdatasync", path: path, code: errno)
        }
    }

    /// Cuts the file: for a last line that a crash left torn.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func truncate(to byteCount: Int) throws(HostError) {
        guard ftruncate(descriptor, byteCount) == 0 else {
            throw .system(operation: "truncate", path: path, code: errno)
        }
    }

    /// Reads some of the file; fewer bytes where it ends before.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func read(at offset: Int, count limit: Int) throws(HostError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit, let start = buffer.baseAddress {
                let got = unsafe pread(descriptor, start + count, limit - count, offset + count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { break }
                count += got
            }
        }
        guard failure == 0 else { throw .system(operation: "read", path: path, code: failure) }
        return bytes
    }

    deinit { close(descriptor) }
}
