internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// Who connected a Unix socket, as the kernel says
/// ([unix(7), SO_PEERCRED](https://man7.org/linux/man-pages/man7/unix.7.html)).
///
/// It is read once, when the connection is accepted: a connection carries the rights of the process that
/// connected, also after its descriptor was passed on.
public struct PeerIdentity: Sendable, Equatable {
    /// The effective user id.
    public let uid: UInt32
    /// The effective group id.
    public let gid: UInt32
    /// The supplementary groups (`SO_PEERGROUPS`); `/proc` is never asked for them.
    public let groups: [UInt32]
    /// The process id; 0 if it is of a pid namespace that this process does not see.
    public let pid: Int32
    /// What `/proc` says of the process.
    public let process: ProcessDescription

    /// Reads it from a connected descriptor; nil if the kernel does not say.
    ///
    /// - Parameters:
    ///   - descriptor: the connection's.
    ///   - readsProcess: whether unit and container matter; else `/proc` is asked for the process's name alone.
    public init?(descriptor: Int32, readsProcess: Bool) {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard unsafe chost_peer_credentials(descriptor, &pid, &uid, &gid) == 0 else { return nil }
        guard let groups = Self.groups(descriptor) else { return nil }
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.pid = pid
        process =
            readsProcess
            ? Self.process(descriptor, pid: pid, uid: uid) : ProcessDescription(commandOf: pid)
    }

    private static func groups(_ descriptor: Int32) -> [UInt32]? {
        for capacity in [64, 65_536] {
            var groups = [UInt32](repeating: 0, count: capacity)
            let count = unsafe groups.withUnsafeMutableBufferPointer { buffer in
                unsafe chost_peer_groups(descriptor, buffer.baseAddress, UInt32(capacity))
            }
            if count >= 0 { return Array(groups.prefix(Int(count))) }
            guard count == -ERANGE else { return nil }
        }
        return nil
    }

    // What is read under the pid is of the peer only if the peer still runs after that.
    private static func process(_ descriptor: Int32, pid: Int32, uid: UInt32) -> ProcessDescription
    {
        guard pid > 0 else { return .unknown }
        var process = chost_peer_process(descriptor)
        // Only an old kernel has no such option; any other refusal means that the peer has gone.
        let isByPID = process == -ENOPROTOOPT
        if isByPID { process = chost_open_process(pid) }
        guard process >= 0 else { return .unknown }
        defer { close(process) }
        guard let description = ProcessDescription(pid: pid),
            !isByPID || description.uids == Array(repeating: uid, count: 4),
            chost_process_is_alive(process) != 0
        else { return .unknown }
        return description
    }
}
