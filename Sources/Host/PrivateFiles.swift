internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// Files and folders that nobody but this user may have touched.
public enum PrivateFiles: Sendable {
    /// Whether there is anything at the path, a dangling link included.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Checks, without opening it, that a file is a regular one of this user's that others can't read.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)``, or ``HostError/system(operation:path:code:)``.
    public static func requirePrivate(file path: String) throws(HostError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw .system(operation: "open", path: path, code: errno)
        }
        try require(status, path, kind: S_IFREG, named: "regular file", forbidden: 0o077)
    }

    /// The same for every file in a folder; folders in it are left alone.
    ///
    /// - Throws: ``HostError/unsafe(path:_:)`` for the first one, by name.
    public static func requirePrivate(filesIn folder: String) throws(HostError) {
        for name in list(folder).sorted() {
            do throws(HostError) {
                try requirePrivate(file: folder + "/" + name)
            } catch .unsafe(_, .not) {
            } catch .system(_, _, ENOENT) {
                // It was replaced just now.
            }
        }
    }

    /// Makes a folder (0700), and those above it, where there is none; checks that only this user, or
    /// root, can change what is in it.
    ///
    /// - Returns: the folder's path without symbolic links.
    /// - Throws: ``HostError/unsafe(path:_:)``, or ``HostError/system(operation:path:code:)``.
    @discardableResult
    public static func makeFolder(_ path: String) throws(HostError) -> String {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            if unsafe mkdir(made, 0o700) != 0, errno != EEXIST, errno != EACCES, errno != EROFS {
                throw .system(operation: "mkdir", path: made, code: errno)
            }
        }
        try SocketPlace.requireSafe(folder: path)
        return try resolved(path)
    }

    /// Whether the system would let this user write the file.
    public static func isWritable(_ path: String) -> Bool {
        unsafe access(path, W_OK) == 0
    }

    /// The path without symbolic links.
    public static func resolved(_ path: String) throws(HostError) -> String {
        guard let real = unsafe realpath(path, nil) else {
            throw .system(operation: "open", path: path, code: errno)
        }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Reads a small file whole.
    ///
    /// - Parameters:
    ///   - path: a file of this user's that others can't write.
    ///   - limit: the most bytes to read.
    /// - Returns: the bytes; nil if there is no file.
    /// - Throws: ``HostError`` if it can't be read, or is not safe.
    public static func read(_ path: String, limit: Int) throws(HostError) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(operation: "open", path: path, code: errno)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else {
            throw .system(operation: "stat", path: path, code: errno)
        }
        try require(status, path, kind: S_IFREG, named: "regular file", forbidden: 0o022)
        return try bytes(of: file, path, limit: limit)
    }

    /// Reads a file that anybody may own, whole.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the most bytes to read.
    /// - Returns: the bytes.
    /// - Throws: ``HostError/system(operation:path:code:)``; EFBIG for a longer one.
    public static func readPublic(_ path: String, limit: Int) throws(HostError) -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        defer { close(file) }
        let bytes = try bytes(of: file, path, limit: limit + 1)
        guard bytes.count <= limit else {
            throw .system(operation: "read", path: path, code: EFBIG)
        }
        return bytes
    }

    /// Reads the first bytes of a regular file that anybody may own; fewer if it is shorter.
    ///
    /// - Throws: ``HostError``, also if it is no regular file.
    public static func readStart(_ path: String, byteCount: Int) throws(HostError) -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unsafe(path: path, .not(kind: "regular file"))
        }
        return try bytes(of: file, path, limit: byteCount)
    }

    private static func bytes(
        of file: Int32, _ path: String, limit: Int
    ) throws(HostError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit, let start = buffer.baseAddress {
                let got = unsafe Glibc.read(file, start + count, limit - count)
                if got < 0 { failure = errno }
                guard got > 0 else { break }
                count += got
            }
        }
        guard failure == 0 else { throw .system(operation: "read", path: path, code: failure) }
        return bytes
    }

    /// Puts a small file in place at once (0600): written beside it, synced, renamed, the folder synced.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``; what was there stays then.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(HostError) {
        let fresh = path + ".new"
        _ = unsafe unlink(fresh)
        let file = unsafe open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .system(operation: "open", path: fresh, code: errno) }
        do throws(HostError) {
            try fill(file, fresh, with: bytes)
            guard unsafe Glibc.rename(fresh, path) == 0 else {
                throw .system(operation: "rename", path: path, code: errno)
            }
        } catch {
            _ = unsafe unlink(fresh)
            throw error
        }
        try sync(folder: SocketPlace.folder(of: path))
    }

    /// Writes, syncs and closes.
    private static func fill(
        _ file: Int32, _ path: String, with bytes: [UInt8]
    ) throws(HostError) {
        defer { close(file) }
        try write(bytes, to: file, path)
        guard fsync(file) == 0 else {
            throw .system(operation: "fsync", path: path, code: errno)
        }
    }

    private static func write(
        _ bytes: [UInt8], to file: Int32, _ path: String
    ) throws(HostError) {
        var offset = 0
        while offset < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    file, buffer.baseAddress.map { unsafe $0 + offset },
                    bytes.count - offset)
            }
            guard written > 0 else { throw .system(operation: "write", path: path, code: errno) }
            offset += written
        }
    }

    /// Writes a folder's entries to disk, so that a renamed file stays where it is.
    public static func sync(folder: String) throws(HostError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .system(operation: "open", path: folder, code: errno)
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .system(operation: "fsync", path: folder, code: errno)
        }
    }

    /// Whether two absolute paths name the same entry of one folder, links above it resolved.
    public static func isSamePlace(_ one: String, _ other: String) -> Bool {
        guard let first = place(one), let second = place(other) else { return false }
        return first == second
    }

    private static func place(_ path: String) -> String? {
        guard let name = path.split(separator: "/").last,
            let folder = try? resolved(SocketPlace.folder(of: path))
        else { return nil }
        return folder + "/" + name
    }

    /// What tells one file from all others, whatever names it has; nil if the path leads nowhere.
    public static func identity(_ path: String) -> FileIdentity? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Copies a file that no database has open; the copy is private, and must not be there yet.
    ///
    /// - Parameters:
    ///   - path: the original.
    ///   - target: the copy.
    ///   - followsLinks: whether the original may be a symbolic link.
    ///   - limit: the most bytes.
    /// - Throws: ``HostError``, also if the original is no regular file; EFBIG for a longer one.
    public static func copy(
        _ path: String, to target: String, followsLinks: Bool = true, limit: Int
    ) throws(HostError) {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW)
        let source = unsafe open(path, flags)
        guard source >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        defer { close(source) }
        var status = stat()
        guard unsafe fstat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unsafe(path: path, .not(kind: "regular file"))
        }
        guard status.st_size <= limit else {
            throw .system(operation: "read", path: path, code: EFBIG)
        }
        let copy = unsafe open(
            target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard copy >= 0 else { throw .system(operation: "open", path: target, code: errno) }
        defer { close(copy) }
        var left = limit
        while left > 0 {
            let part = try bytes(of: source, path, limit: min(left, 1 << 20))
            if part.isEmpty { return }
            try write(part, to: copy, target)
            left -= part.count
        }
    }

    /// Makes an empty private folder with a name of its own.
    ///
    /// - Returns: its path.
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func makeScratchFolder(in folder: String) throws(HostError) -> String {
        let template = Array((folder + "/scratch-XXXXXX").utf8CString)
        var path = template
        let isMade = unsafe path.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe mkdtemp(start) != nil
        }
        guard isMade else { throw .system(operation: "mkdtemp", path: folder, code: errno) }
        return String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a file; one that is not there is fine.
    public static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// The names in a folder, `.` and `..` left out; none if it can't be read.
    public static func list(_ folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Gives a file the name that it is to have, where nothing has that name; both are on disk then.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func moveIntoPlace(_ file: String, _ name: String) throws(HostError) {
        let code = unsafe chost_rename_new(file, name)
        guard code == 0 else { throw .system(operation: "rename", path: name, code: code) }
        try sync(folder: SocketPlace.folder(of: name))
    }

    /// Gives a file another name; one that is not there is fine.
    public static func rename(_ path: String, to name: String) {
        _ = unsafe Glibc.rename(path, name)
    }

    /// Removes an empty folder.
    public static func removeFolder(_ path: String) {
        _ = unsafe rmdir(path)
    }

    /// The same for a file that is open.
    static func requirePrivate(_ status: stat, _ path: String) throws(HostError) {
        try require(status, path, kind: S_IFREG, named: "regular file", forbidden: 0o077)
    }

    private static func require(
        _ status: stat, _ path: String, kind: mode_t, named name: String, forbidden: mode_t
    ) throws(HostError) {
        if status.st_mode & S_IFMT == S_IFLNK { throw .unsafe(path: path, .symbolicLink) }
        guard status.st_mode & S_IFMT == kind else {
            throw .unsafe(path: path, .not(kind: name))
        }
        guard status.st_uid == geteuid() else {
            throw .unsafe(path: path, .foreignOwner(uid: status.st_uid))
        }
        guard status.st_mode & forbidden == 0 else {
            throw .unsafe(path: path, .openMode(UInt16(status.st_mode & 0o7777)))
        }
    }
}

/// A file, whatever its names: its device and its number there.
public struct FileIdentity: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64
}

extension PrivateFiles {
    /// The lower 12 bits of a file's mode; 0 if there is no file.
    public static func mode(_ path: String) -> UInt16 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return 0 }
        return UInt16(status.st_mode & 0o7777)
    }
}
