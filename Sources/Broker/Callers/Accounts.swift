internal import Host
package import NIOPosix

/// Today's names of users and groups, remembered for a moment: the name services may be slow, or not
/// answer at all.
package actor Accounts {
    /// How the system is asked.
    package struct LookUp: Sendable {
        package var userName: @Sendable (UInt32) -> String?
        package var groupName: @Sendable (UInt32) -> String?

        package init(
            userName: @escaping @Sendable (UInt32) -> String?,
            groupName: @escaping @Sendable (UInt32) -> String?
        ) {
            self.userName = userName
            self.groupName = groupName
        }

        /// The machine's name services.
        package static let system = LookUp(
            userName: { AccountDatabase.userName($0) },
            groupName: { AccountDatabase.groupName($0) })
    }

    private enum Account: Hashable {
        case user(UInt32)
        case group(UInt32)
    }

    /// How long a name is believed.
    package static let believed = Duration.seconds(10)
    /// How long a look-up may take; who is looked up then has no name, and is allowed nothing.
    package static let patience = Duration.seconds(2)
    private static let mostNames = 4096

    private let lookUp: LookUp
    private let clock: BrokerClock
    private let threads: NIOThreadPool
    private var names: [Account: (name: String?, at: ContinuousClock.Instant)] = [:]

    /// Takes the threads that look-ups run, and block, on.
    package init(lookUp: LookUp = .system, clock: BrokerClock, threads: NIOThreadPool) {
        self.lookUp = lookUp
        self.clock = clock
        self.threads = threads
    }

    /// Today's name of a user id; nil if it has none, or nobody can tell in time.
    package func userName(_ uid: UInt32) async -> String? {
        await name(.user(uid)) { [lookUp] in lookUp.userName(uid) }
    }

    /// Today's name of a group id; nil if it has none, or nobody can tell in time.
    package func groupName(_ gid: UInt32) async -> String? {
        await name(.group(gid)) { [lookUp] in lookUp.groupName(gid) }
    }

    /// Forgets every name, so that a change of users and groups counts at once.
    package func forget() {
        names = [:]
    }

    private func name(
        _ account: Account, _ lookUp: @escaping @Sendable () -> String?
    ) async -> String? {
        if let known = names[account], clock.now() - known.at < Self.believed { return known.name }
        let found = await ask(lookUp)
        guard let found else { return nil }
        if names.count >= Self.mostNames { names = [:] }
        names[account] = (found, clock.now())
        return found
    }

    /// Runs a look-up; nil if it takes too long.
    func ask<R: Sendable>(_ lookUp: @escaping @Sendable () -> R) async -> R? {
        let (answers, answer) = AsyncStream.makeStream(of: R?.self)
        let threads = threads
        // Not a child: a look-up that hangs can't be ended, and nobody may have to wait for it.
        let asking = Task { answer.yield(try? await threads.runIfActive(lookUp)) }
        let waiting = Task { [clock] in
            try? await clock.sleep(clock.now() + Self.patience)
            answer.yield(nil)
        }
        defer {
            asking.cancel()
            waiting.cancel()
        }
        for await found in answers { return found }
        return nil
    }
}
