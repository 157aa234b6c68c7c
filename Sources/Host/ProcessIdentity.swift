#if canImport(Glibc)
internal import Glibc
#endif

/// Who this process is.
public enum ProcessIdentity: Sendable {
    /// The process id.
    public static var pid: Int32 { getpid() }

    /// The effective user id.
    public static var uid: UInt32 { geteuid() }
}
