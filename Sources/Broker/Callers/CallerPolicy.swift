internal import Host
internal import Synchronization

/// Who may do what at all, before it is known which credential is meant.
package enum CallerPolicy: Sendable {
    /// A user's own broker: its owner, and root, administer it and get every token; nobody else anything.
    case owner(uid: UInt32)
    /// A machine's broker: root and a group administer it; whoever has a rule gets tokens, they included.
    case machine(MachineGroups)

    /// What a caller is to the broker.
    package enum Standing: Sendable {
        case administrator
        case scraper
        case caller
        case stranger
    }

    /// What the caller is.
    package func standing(of caller: Caller) -> Standing {
        switch self {
        case .owner(let uid):
            return caller.uid == uid || caller.uid == 0 ? .administrator : .stranger
        case .machine(let groups):
            // Root of a container is not the machine's.
            guard !caller.isContained else { return .caller }
            if caller.uid == 0 || caller.isMember(of: groups.administrators) {
                return .administrator
            }
            return caller.isMember(of: groups.scrapers) ? .scraper : .caller
        }
    }

    /// Whether tokens are paid out by the credentials' rules alone.
    package var needsRules: Bool {
        if case .machine = self { true } else { false }
    }
}

extension Caller {
    fileprivate func isMember(of group: UInt32?) -> Bool {
        guard let group else { return false }
        return gid == group || groups.contains(group)
    }
}

/// The groups that stand for a role at a machine's broker, by the ids that they have today.
package final class MachineGroups: Sendable {
    /// Whose members administer it.
    package static let administratorsName = "bursar-admin"
    /// Whose members may read its metrics.
    package static let scrapersName = "bursar-metrics"

    private struct Known {
        var administrators: UInt32?
        var scrapers: UInt32?
        var isRefreshing = false
    }

    private let known = Mutex(Known())

    /// Nobody yet.
    package init() {}

    /// Given ids, for tests.
    package init(administrators: UInt32?, scrapers: UInt32?) {
        known.withLock { $0 = Known(administrators: administrators, scrapers: scrapers) }
    }

    var administrators: UInt32? { known.withLock(\.administrators) }
    var scrapers: UInt32? { known.withLock(\.scrapers) }

    /// Notes that ids are about to be asked for; false if somebody else still waits for them.
    package func beginRefresh() -> Bool {
        known.withLock { known in
            defer { known.isRefreshing = true }
            return !known.isRefreshing
        }
    }

    /// Asks the name services for today's ids, and blocks for that.
    package func refresh() {
        let administrators = Result { try AccountDatabase.group(named: Self.administratorsName) }
        let scrapers = Result { try AccountDatabase.group(named: Self.scrapersName) }
        known.withLock { known in
            // Where the name services fail, the ids stay as they were.
            if case .success(let id) = administrators { known.administrators = id }
            if case .success(let id) = scrapers { known.scrapers = id }
            known.isRefreshing = false
        }
    }
}
