#if canImport(Glibc)
internal import Glibc
#endif

/// The system's users and groups, as its name services know them
/// ([getpwnam(3)](https://man7.org/linux/man-pages/man3/getpwnam.3.html)).
///
/// A look-up may ask a server on the network and block for as long as that takes: not on an event loop. A
/// static program has no name services. A service that fails is told from one that knows no such account:
/// ``HostError``.
public enum AccountDatabase: Sendable {
    /// The longest entry that is read, in bytes.
    private static let longestEntry = 1 << 20

    /// The id of the user of a name, and its primary group; nil if there is none.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func user(named name: String) throws(HostError) -> (uid: UInt32, gid: UInt32)? {
        try unsafe withBuffer { start, byteCount in
            var entry = unsafe passwd()
            var result: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwnam_r(
                name, &entry, start, byteCount, &result)
            return (code, unsafe result == nil ? nil : (entry.pw_uid, entry.pw_gid))
        }
    }

    /// The name of the user with an id; nil if there is none.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func userName(_ uid: UInt32) throws(HostError) -> String? {
        try unsafe withBuffer { start, byteCount in
            var entry = unsafe passwd()
            var result: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwuid_r(uid, &entry, start, byteCount, &result)
            return (code, unsafe result == nil ? nil : String(cString: entry.pw_name))
        }
    }

    /// The id of the group of a name; nil if there is none.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func group(named name: String) throws(HostError) -> UInt32? {
        try unsafe withBuffer { start, byteCount in
            var entry = unsafe Glibc.group()
            var result: UnsafeMutablePointer<Glibc.group>?
            let code = unsafe getgrnam_r(
                name, &entry, start, byteCount, &result)
            return (code, unsafe result == nil ? nil : entry.gr_gid)
        }
    }

    /// The name of the group with an id; nil if there is none.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func groupName(_ gid: UInt32) throws(HostError) -> String? {
        try unsafe withBuffer { start, byteCount in
            var entry = unsafe Glibc.group()
            var result: UnsafeMutablePointer<Glibc.group>?
            let code = unsafe getgrgid_r(gid, &entry, start, byteCount, &result)
            return (code, unsafe result == nil ? nil : String(cString: entry.gr_name))
        }
    }

    /// The groups of a user, its primary one first; none if there is no such user.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public static func groups(ofUser uid: UInt32) throws(HostError) -> [UInt32] {
        guard let name = try userName(uid), let primary = try user(named: name)?.gid else {
            return []
        }
        var count: Int32 = 256
        while count <= 65_536 {
            var groups = [UInt32](repeating: 0, count: Int(count))
            let capacity = count
            let result = unsafe getgrouplist(name, primary, &groups, &count)
            if result >= 0 { return Array(groups.prefix(Int(count))) }
            count = max(count, capacity * 2)
        }
        return [primary]
    }

    // Large groups have large entries: the buffer grows until one fits.
    private static func withBuffer<R>(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, found: R?)
    ) throws(HostError) -> R? {
        var byteCount = 4096
        while byteCount <= longestEntry {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: byteCount)
            defer { unsafe buffer.deallocate() }
            let (code, found) = unsafe body(buffer, byteCount)
            switch code {
            case ERANGE: byteCount *= 4
            // Some say so of an account that is not there.
            case 0, ENOENT, ESRCH: return found
            default: throw .system(operation: "ask the name services", path: nil, code: code)
            }
        }
        throw .system(operation: "ask the name services", path: nil, code: ERANGE)
    }
}
