/// The local process that asks, as the kernel names it.
package struct Caller: Sendable, Hashable {
    /// The effective user id when it connected (`SO_PEERCRED`).
    package let uid: UInt32
    /// The process id when it connected; 0 if it is of another pid namespace.
    package let pid: Int32

    package init(uid: UInt32, pid: Int32) {
        self.uid = uid
        self.pid = pid
    }
}

/// Who may do what in a user's own broker: its owner and root everything, nobody else anything.
package struct OwnerPolicy: Sendable {
    private let owner: UInt32

    /// Takes the uid that the vault, and the broker, belong to.
    package init(owner: UInt32) {
        self.owner = owner
    }

    /// Whether the caller administers the vault.
    package func isAdministrator(_ caller: Caller) -> Bool {
        caller.uid == owner || caller.uid == 0
    }
}
