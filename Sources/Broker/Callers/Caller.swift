package import Host

/// The local process that asks, as the kernel names it.
package struct Caller: Sendable, Hashable {
    /// The effective user id when it connected (`SO_PEERCRED`).
    package var uid: UInt32
    /// The effective group id when it connected.
    package var gid: UInt32
    /// Its supplementary groups when it connected (`SO_PEERGROUPS`).
    package var groups: [UInt32]
    /// The process id when it connected; 0 if it is of another pid namespace.
    package var pid: Int32
    /// Its systemd unit; nil if there is none, or nobody can tell.
    package var unit: String?
    /// Whether it is in a user or pid namespace of its own, or nobody can tell.
    package var isContained: Bool
    /// What it calls itself; it may say anything.
    package var claimedCommand: String?

    package init(
        uid: UInt32, gid: UInt32, groups: [UInt32], pid: Int32, unit: String?, isContained: Bool,
        claimedCommand: String?
    ) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.pid = pid
        self.unit = unit
        self.isContained = isContained
        self.claimedCommand = claimedCommand
    }

    /// Who is at the other end of a connection.
    package init(_ peer: PeerIdentity) {
        self.init(
            uid: peer.uid, gid: peer.gid, groups: peer.groups, pid: peer.pid,
            unit: peer.process.unit, isContained: peer.process.isContained,
            claimedCommand: peer.process.claimedCommand)
    }

    /// A caller that the kernel does not name is nobody: uid 65534 owns nothing, and is never allowed.
    package static let nobody = Caller(
        uid: 65534, gid: 65534, groups: [], pid: 0, unit: nil, isContained: true,
        claimedCommand: nil)
}
