internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// An exclusive lock on a file, which the kernel drops when its holder ends
/// ([flock(2)](https://man7.org/linux/man-pages/man2/flock.2.html)).
public final class FileLock: Sendable {
    private let descriptor: Int32
    private let path: String

    /// Takes the lock, and makes the file (0600) if it is not there.
    ///
    /// - Returns: nil if another process holds it, or has just removed the file.
    /// - Throws: ``HostError`` if the file can't be opened.
    public init?(_ path: String) throws(HostError) {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            if errno == ELOOP { throw .unsafe(path: path, .symbolicLink) }
            throw .system(operation: "open", path: path, code: errno)
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(file)
            if code == EWOULDBLOCK { return nil }
            throw .system(operation: "flock", path: path, code: code)
        }
        // Somebody may have removed the file between, and another process locked a new one.
        var locked = stat()
        var named = stat()
        guard unsafe fstat(file, &locked) == 0, unsafe lstat(path, &named) == 0,
            locked.st_ino == named.st_ino, locked.st_dev == named.st_dev
        else {
            close(file)
            return nil
        }
        descriptor = file
        self.path = path
    }

    /// Writes what others shall read in the file while it is locked.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public func write(_ text: String) throws(HostError) {
        let bytes = Array(text.utf8)
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe pwrite(descriptor, buffer.baseAddress, buffer.count, 0)
        }
        guard written == bytes.count, ftruncate(descriptor, bytes.count) == 0 else {
            throw .system(operation: "write", path: path, code: errno)
        }
    }

    /// Whether some process holds the lock now.
    ///
    /// Takes it for a moment where nobody does.
    public static func isHeld(_ path: String) -> Bool {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    deinit { close(descriptor) }
}

/// What kind of file system a path is on.
public enum FileSystem: Sendable {
    // statfs(2) and linux/magic.h: NFS, SMB, CIFS, SMB2, FUSE, Lustre, AFS, 9P, Ceph; GPFS and BeeGFS by
    // their own headers.
    private static let networkTypes: Set<Int> = [
        0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x6573_5546, 0x0BD0_0BD0, 0x5346_414F,
        0x0102_1997, 0x00C3_6400, 0x4750_4653, 0x1983_0326,
    ]

    /// Whether other machines may have the path's file system mounted, so that shared memory does not work.
    public static func isNetwork(_ path: String) -> Bool {
        networkTypes.contains(unsafe chost_file_system_type(path))
    }
}

/// The name of this machine.
public enum Machine: Sendable {
    /// The host name, as the kernel has it.
    public static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        let isKnown = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe gethostname(start, buffer.count - 1) == 0
        }
        guard isKnown else { return "localhost" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
