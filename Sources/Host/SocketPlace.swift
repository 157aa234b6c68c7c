#if canImport(Glibc)
internal import Glibc
#endif

/// The place of a listening Unix socket in the file system.
public enum SocketPlace: Sendable {
    /// The longest path that `sockaddr_un` holds, in bytes.
    public static let longestPath = 107

    /// Makes the socket's folder (0700) if it is not there, and removes a stale socket; one that somebody
    /// listens at stays.
    ///
    /// The folder has to belong to this user or to root, and be writable by nobody else.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)`` for a place that others can change or that holds
    ///   something else, ``HostError/system(operation:path:code:)`` if the system refuses.
    public static func prepare(_ path: String) throws(HostError) {
        let byteCount = path.utf8.count
        guard byteCount <= longestPath else {
            throw .unsafe(path: path, .tooLong(byteCount: byteCount, limit: longestPath))
        }
        let folder = self.folder(of: path)
        if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw .system(operation: "mkdir", path: folder, code: errno)
        }
        try requireSafe(folder: folder)
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .unsafe(path: path, .not(kind: "socket"))
        }
        guard status.st_uid == geteuid() else {
            throw .unsafe(path: path, .foreignOwner(uid: status.st_uid))
        }
        try requireStale(path)
        remove(path)
    }

    private static func requireStale(_ path: String) throws(HostError) {
        let pid: Int32
        do throws(HostError) {
            pid = try UnixConnection(to: path, timeout: .milliseconds(500)).peerPID
        } catch .system(_, _, ECONNREFUSED) {
            return
        } catch .timedOut {
            // Somebody listens, and is too busy to accept.
            pid = 0
        }
        throw .unsafe(path: path, .taken(pid: pid))
    }

    /// Checks that nobody but this user and root can put a socket into the folder; the one in `/tmp` has to
    /// be this user's alone.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)`` if somebody can.
    public static func requireSafe(folder: String) throws(HostError) {
        var status = stat()
        // In /tmp anybody can put something, a link included, where this user's folder is to be.
        let isShared = folder.hasPrefix("/tmp/") && folder == UserFolders.sharedRuntimeFolder
        let result = unsafe isShared ? lstat(folder, &status) : stat(folder, &status)
        guard result == 0 else { throw .system(operation: "stat", path: folder, code: errno) }
        if status.st_mode & S_IFMT == S_IFLNK { throw .unsafe(path: folder, .symbolicLink) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .unsafe(path: folder, .not(kind: "folder"))
        }
        guard status.st_uid == geteuid() || (status.st_uid == 0 && !isShared) else {
            throw .unsafe(path: folder, .foreignOwner(uid: status.st_uid))
        }
        guard status.st_mode & (isShared ? 0o077 : 0o022) == 0 else {
            throw .unsafe(path: folder, .openMode(UInt16(status.st_mode & 0o7777)))
        }
    }

    /// Checks that nobody but root can put a socket into the folder.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)`` if somebody can.
    public static func requireRoot(folder: String) throws(HostError) {
        var status = stat()
        guard unsafe stat(folder, &status) == 0 else {
            throw .system(operation: "stat", path: folder, code: errno)
        }
        guard status.st_uid == 0 else {
            throw .unsafe(path: folder, .foreignOwner(uid: status.st_uid))
        }
        guard status.st_mode & 0o022 == 0 else {
            throw .unsafe(path: folder, .openMode(UInt16(status.st_mode & 0o7777)))
        }
    }

    /// Lets only the owner connect.
    public static func makePrivate(_ path: String) throws(HostError) {
        guard unsafe chmod(path, 0o600) == 0 else {
            throw .system(operation: "chmod", path: path, code: errno)
        }
    }

    /// What tells this socket from others.
    public static func identity(_ path: String) throws(HostError) -> FileIdentity {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw .system(operation: "lstat", path: path, code: errno)
        }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Removes the socket; one that has gone already is fine.
    public static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// The folder of an absolute path.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
