internal import NIOCore

/// The open connections; lives on the broker's one event loop.
final class ConnectionRegistry {
    /// Most connections of one uid.
    static let limitPerUser = 256

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

    /// Admits a connection; the uid's oldest one without a whole request makes room.
    ///
    /// - Returns: false if there is no room: every connection of the uid is being answered.
    func admit(_ member: any Member, uid: UInt32) -> Bool {
        let mine = members[uid, default: []]
        if mine.count >= Self.limitPerUser {
            guard let oldest = mine.first(where: { !$0.isAnswering }) else { return false }
            remove(oldest, uid: uid)
            oldest.close()
        }
        members[uid, default: []].append(member)
        return true
    }

    /// Forgets a connection that has ended.
    func remove(_ member: any Member, uid: UInt32) {
        members[uid]?.removeAll { $0 === member }
        if members[uid]?.isEmpty == true { members[uid] = nil }
    }

    /// How many there are.
    var count: Int { members.values.reduce(0) { $0 + $1.count } }

    /// Ends all of them, those under way after their answers.
    func closeWhenIdle() {
        for member in members.values.flatMap(\.self) { member.closeWhenIdle() }
    }
}
