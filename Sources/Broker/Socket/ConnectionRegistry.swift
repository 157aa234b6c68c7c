internal import NIOCore

/// The open connections; lives on the broker's one event loop.
final class ConnectionRegistry {
    /// Whose requests are worked on next.
    let turns: Turns
    private let limits: ConnectionLimits
    private let policy: CallerPolicy

    /// What the registry asks of a connection.
    protocol Member: AnyObject {
        /// Whether a whole request is being answered.
        var isAnswering: Bool { get }
        /// Ends the connection now.
        func close()
        /// When its time is up; nil if it has time.
        var deadline: NIODeadline? { get }
        /// Does what its time being up means.
        func expire(at now: NIODeadline)
        /// Ends the connection as soon as nothing is being answered on it.
        func closeWhenIdle()
    }

    // A timer for each connection would cost every request a search through those of all others.
    private static let round = TimeAmount.milliseconds(200)
    private var isSweeping = false
    private let loop: any EventLoop

    /// Who has connections: a uid, and apart from it the same uid in containers.
    struct Owner: Hashable {
        let uid: UInt32
        let isContained: Bool

        /// With whom the owner shares a line: in containers one person has as many ids as he likes.
        var inLine: Owner { isContained ? Owner(uid: .max, isContained: true) : self }
    }

    private var members: [Owner: [any Member]] = [:]
    /// How many there are.
    private(set) var count = 0
    private var containedCount = 0
    // The most there were since memory was given back.
    private var peak = 0
    private static let worthGivingBack = 64

    /// - Parameters:
    ///   - loop: where it lives.
    ///   - limits: how many there may be.
    ///   - policy: who is an administrator.
    init(loop: any EventLoop, limits: ConnectionLimits, policy: CallerPolicy) {
        self.loop = loop
        self.limits = limits
        self.policy = policy
        turns = Turns(loop: loop)
    }

    /// To whom a caller's connections count.
    func owner(of caller: Caller) -> Owner {
        // In a user's own broker nobody is asked whether he is in a container.
        Owner(uid: caller.uid, isContained: policy.needsRules && caller.isContained)
    }

    /// Whether others may be kept waiting for the caller.
    func isUrgent(_ caller: Caller) -> Bool {
        policy.standing(of: caller) == .administrator
    }

    /// Makes room for one connection more, before anything is spent on it: a connection without a whole request
    /// is closed, the oldest of the owner at a bound, or where the broker is full the oldest of the owner who
    /// has most.
    ///
    /// - Returns: false if there is no room: all the connections that might go are being answered.
    func makeRoom(for caller: Caller) -> Bool {
        let owner = owner(of: caller)
        let own = members[owner]?.count ?? 0
        if own >= limits.perUser { return evict(for: owner) { _ in false } }
        if owner.isContained, containedCount >= limits.containers {
            return evict(for: owner, or: \.isContained)
        }
        guard count >= limits.total else { return true }
        if evict(for: owner, or: { _ in true }) { return true }
        if isUrgent(caller) { return count < limits.total + limits.reserve }
        return own == 0 && !owner.isContained && count < limits.total + limits.reserve / 2
    }

    private func evict(for owner: Owner, or isMeant: (Owner) -> Bool) -> Bool {
        func idle(_ members: [any Member]) -> (any Member)? { members.first { !$0.isAnswering } }
        let own = members[owner] ?? []
        var (most, payer, victim) = (own.count, owner, idle(own))
        for (other, theirs) in members where theirs.count > most && isMeant(other) {
            guard let oldest = idle(theirs) else { continue }
            (most, payer, victim) = (theirs.count, other, oldest)
        }
        guard let victim else { return false }
        remove(victim, of: payer)
        victim.close()
        return true
    }

    /// Counts a connection that there was room for.
    func add(_ member: any Member, of owner: Owner) {
        members[owner, default: []].append(member)
        count += 1
        if owner.isContained { containedCount += 1 }
        peak = max(peak, count)
        sweepLater()
    }

    private func sweepLater() {
        guard !isSweeping, count > 0 else { return }
        isSweeping = true
        _ = loop.assumeIsolated().scheduleTask(in: Self.round) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        isSweeping = false
        let now = NIODeadline.now()
        let late = members.values.joined().filter { $0.deadline.map { $0 <= now } ?? false }
        for member in late { member.expire(at: now) }
        sweepLater()
    }

    /// Forgets a connection that has ended.
    func remove(_ member: any Member, of owner: Owner) {
        guard let index = members[owner]?.firstIndex(where: { $0 === member }) else { return }
        members[owner]?.remove(at: index)
        count -= 1
        if owner.isContained { containedCount -= 1 }
        if members[owner]?.isEmpty == true { members[owner] = nil }
    }

    /// Whether a crowd has gone, whose memory may be given back; tells it once.
    func hasEmptied() -> Bool {
        guard peak >= Self.worthGivingBack, count <= peak / 2 else { return false }
        peak = count
        return true
    }

    /// Ends all of them, those under way after their answers.
    func closeWhenIdle() {
        for member in members.values.flatMap(\.self) { member.closeWhenIdle() }
    }
}
