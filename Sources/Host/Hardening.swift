internal import CHost

/// What a process gives up before it touches a secret.
public enum Hardening: Sendable {
    /// Forbids core dumps and debuggers, so that no process of the same user can read this one's memory
    /// ([prctl(2), PR_SET_DUMPABLE](https://man7.org/linux/man-pages/man2/pr_set_dumpable.2const.html)).
    ///
    /// Children are not affected.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)`` if the kernel refuses.
    public static func forbidDumps() throws(HostError) {
        let code = chost_forbid_dumps()
        guard code == 0 else {
            throw .system(operation: "prctl(PR_SET_DUMPABLE)", path: nil, code: code)
        }
    }

    /// Allows as much locked memory as the hard limit says, so that secrets need not be swapped.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)`` if the kernel refuses.
    public static func raiseLockedMemoryLimit() throws(HostError) {
        let code = chost_raise_memlock()
        guard code == 0 else {
            throw .system(operation: "setrlimit(RLIMIT_MEMLOCK)", path: nil, code: code)
        }
    }
}
