#if canImport(Glibc)
internal import Glibc
#endif

extension SocketPlace {
    /// Checks that a socket is this user's, and that others can't connect.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)``, or ``HostError/system(operation:path:code:)``.
    public static func requirePrivate(_ path: String) throws(HostError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw .system(operation: "lstat", path: path, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .unsafe(path: path, .not(kind: "socket"))
        }
        guard status.st_uid == geteuid() else {
            throw .unsafe(path: path, .foreignOwner(uid: status.st_uid))
        }
        guard status.st_mode & 0o077 == 0 else {
            throw .unsafe(path: path, .openMode(UInt16(status.st_mode & 0o7777)))
        }
    }
}
