internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A connection that was accepted, and of whose other end only the user is known yet.
public struct AcceptedConnection: Sendable {
    /// Whoever takes the value over closes it.
    public let descriptor: Int32
    /// The effective user id of the process that connected.
    public let uid: UInt32
    private let pid: Int32

    /// Asks the kernel who connected; nil, and closed, if it does not say.
    init?(descriptor: Int32) {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard unsafe chost_peer_credentials(descriptor, &pid, &uid, &gid) == 0 else {
            _ = Glibc.close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.uid = uid
        self.pid = pid
    }

    /// Whether the process is in a container by what `/proc` says now, or nobody can tell: to choose a line to
    /// wait in, and no more; permissions are decided by ``PeerIdentity``.
    public var seemsContained: Bool {
        pid <= 0 || ProcessDescription(pid: pid)?.isContained ?? true
    }

    /// Whether the other end has gone; one that only sends no more has not.
    public var hasHungUp: Bool { chost_has_hung_up(descriptor) != 0 }

    /// Ends it.
    public func close() {
        _ = Glibc.close(descriptor)
    }
}
