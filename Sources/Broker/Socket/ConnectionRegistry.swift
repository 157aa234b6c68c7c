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
        /// Ends the connection as soon as nothing is being answered on it.
        func closeWhenIdle()
    }

    private var members: [UInt32: [any Member]] = [:]
    /// How many there are.
    private(set) var count = 0
    // The most there were since memory was given back.
    private var peak = 0
    private static let worthGivingBack = 64

    /// - Parameter descriptors: how many the process may have open.
    init(descriptors: Int = DescriptorLimit.current) {
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
        return true
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
