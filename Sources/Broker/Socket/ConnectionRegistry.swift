internal import Host
internal import NIOCore

/// The open connections; lives on the broker's one event loop.
final class ConnectionRegistry {
    /// Most connections of one uid.
    let limitPerUser: Int
    /// Most connections of all together, so that descriptors are left for the token endpoints.
    let limit: Int

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

    private var members: [UInt32: [any Member]] = [:]
    /// How many there are.
    private(set) var count = 0
    // The most there were since memory was given back.
    private var peak = 0
    private static let worthGivingBack = 64

    /// - Parameters:
    ///   - loop: where it lives.
    ///   - descriptors: how many the process may have open.
    init(loop: any EventLoop, descriptors: Int = DescriptorLimit.current) {
        self.loop = loop
        limit = min(max(descriptors / 4 * 3, 64), 16_384)
        // Several users have to be there to fill the broker.
        limitPerUser = min(limit / 4, 1024)
    }

    /// Admits a connection; the uid's oldest one without a whole request makes room.
    ///
    /// - Returns: false if there is no room: every connection of the uid is being answered, or those of others
    ///   fill the broker.
    func admit(_ member: any Member, uid: UInt32) -> Bool {
        if members[uid]?.count ?? 0 >= limitPerUser || count >= limit {
            guard let oldest = members[uid]?.first(where: { !$0.isAnswering }) else {
                return false
            }
            remove(oldest, uid: uid)
            oldest.close()
        }
        members[uid, default: []].append(member)
        count += 1
        peak = max(peak, count)
        sweepLater()
        return true
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
    func remove(_ member: any Member, uid: UInt32) {
        guard let index = members[uid]?.firstIndex(where: { $0 === member }) else { return }
        members[uid]?.remove(at: index)
        count -= 1
        if members[uid]?.isEmpty == true { members[uid] = nil }
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
