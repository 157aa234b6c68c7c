internal import CHost

/// How many descriptors this process may have open
/// ([getrlimit(2), RLIMIT_NOFILE](https://man7.org/linux/man-pages/man2/getrlimit.2.html)).
public enum DescriptorLimit: Sendable {
    /// The limit that holds now; at most 1,048,576 are told, and 1,024 where the kernel does not say.
    public static var current: Int {
        let limit = chost_nofile()
        return limit > 0 ? limit : 1024
    }

    /// Allows as many as the hard limit says.
    ///
    /// For programs that call no `select(2)`, and start no others that do.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)`` if the kernel refuses.
    public static func raise() throws(HostError) {
        let code = chost_raise_nofile()
        guard code == 0 else {
            throw .system(operation: "setrlimit(RLIMIT_NOFILE)", path: nil, code: code)
        }
    }
}
