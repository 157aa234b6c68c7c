internal import Host
package import NIOPosix

/// Today's names of users and groups, remembered for a moment: the name services may be slow, or not
/// answer at all.
///
/// One look-up runs for one name, whoever asks; each is waited for in bounds.
package actor Accounts {
    /// How the system is asked.
    package struct LookUp: Sendable {
        package var userName: @Sendable (UInt32) throws -> String?
        package var groupName: @Sendable (UInt32) throws -> String?

        package init(
            userName: @escaping @Sendable (UInt32) throws -> String?,
            groupName: @escaping @Sendable (UInt32) throws -> String?
        ) {
            self.userName = userName
            self.groupName = groupName
        }

        /// The machine's name services.
        package static let system = LookUp(
            userName: { try AccountDatabase.userName($0) },
            groupName: { try AccountDatabase.groupName($0) })
    }

    enum Account: Hashable {
        case user(UInt32)
        case group(UInt32)
    }

    private struct Known {
        var name: String?
        var at: ContinuousClock.Instant
        /// When it was asked for again without an answer; nobody waits for the next one so soon.
        var unansweredAt: ContinuousClock.Instant?
    }

    /// How long a name is believed.
    package static let believed = Duration.seconds(10)
    /// How long the last name is believed while the name services do not answer.
    package static let believedWithoutAnswer = Duration.seconds(300)
    /// How long a look-up may take; who was never looked up has no name then, and is allowed nothing.
    package static let patience = Duration.seconds(2)
    private static let mostNames = 4096

    private let lookUp: LookUp
    private let clock: BrokerClock
    private let threads: NIOThreadPool
    private var names: [Account: Known] = [:]
    // What was asked for before names were forgotten says nothing of what is true since.
    private var epoch: UInt64 = 0
    private var running: [Account: UInt64] = [:]
    private var waiting: [Account: [CheckedContinuation<Void, Never>]] = [:]

    /// Takes the threads that look-ups run, and block, on.
    package init(lookUp: LookUp = .system, clock: BrokerClock, threads: NIOThreadPool) {
        self.lookUp = lookUp
        self.clock = clock
        self.threads = threads
    }

    /// Today's name of a user id; nil if it has none, or nobody can tell in time.
    package func userName(_ uid: UInt32) async -> String? {
        await name(.user(uid)) { [lookUp] in try lookUp.userName(uid) }
    }

    /// Today's name of a group id; nil if it has none, or nobody can tell in time.
    package func groupName(_ gid: UInt32) async -> String? {
        await name(.group(gid)) { [lookUp] in try lookUp.groupName(gid) }
    }

    /// Asks for every name anew from now on, so that a change of users and groups counts at once.
    ///
    /// While the name services do not answer, the last names are still believed for a while.
    package func forget() {
        epoch += 1
        for account in names.keys { forget(account) }
    }

    /// The same for one name.
    func forget(_ account: Account) {
        names[account]?.at -= Self.believed
        names[account]?.unansweredAt = nil
    }

    private func name(
        _ account: Account, _ lookUp: @escaping @Sendable () throws -> String?
    ) async -> String? {
        let epoch = self.epoch
        let now = clock.now()
        let known = names[account]
        if let known, now - known.at < Self.believed { return known.name }
        if let last = known?.unansweredAt, now - last < Self.believed {
            return stillBelieved(known, at: now)
        }
        begin(account, lookUp)
        await wait(for: account)
        if let fresh = names[account], fresh.at >= now { return fresh.name }
        guard epoch == self.epoch else { return stillBelieved(known, at: now) }
        names[account] = Known(
            name: known?.name, at: known?.at ?? now - Self.believedWithoutAnswer,
            unansweredAt: clock.now())
        return stillBelieved(known, at: now)
    }

    private func stillBelieved(_ known: Known?, at now: ContinuousClock.Instant) -> String? {
        guard let known, now - known.at < Self.believedWithoutAnswer else { return nil }
        return known.name
    }

    private func begin(_ account: Account, _ lookUp: @escaping @Sendable () throws -> String?) {
        guard running[account] != epoch else { return }
        let epoch = self.epoch
        running[account] = epoch
        // Not a child: a look-up that hangs can't be ended, and nobody may have to wait for it.
        Task { [threads] in
            let found = try? await threads.runIfActive(lookUp)
            self.end(account, found, epoch)
        }
    }

    // A service that fails at once has not answered either.
    private func end(_ account: Account, _ found: String??, _ epoch: UInt64) {
        guard running[account] == epoch else { return }
        running[account] = nil
        if let found {
            if names.count >= Self.mostNames { names = [:] }
            names[account] = Known(name: found, at: clock.now())
        }
        release(account)
    }

    /// Waits until the look-up that runs has ended, but not too long.
    private func wait(for account: Account) async {
        let patience = Task { [clock] in
            try? await clock.sleep(clock.now() + Self.patience)
            self.release(account)
        }
        await withCheckedContinuation { waiting[account, default: []].append($0) }
        patience.cancel()
    }

    // Who has come later waits a little less; that does no harm.
    private func release(_ account: Account) {
        for continuation in waiting.removeValue(forKey: account) ?? [] { continuation.resume() }
    }

    /// Runs a look-up for a person or at a start; nil if it takes too long.
    func ask<R: Sendable>(_ lookUp: @escaping @Sendable () -> R) async -> R? {
        let (answers, answer) = AsyncStream.makeStream(of: R?.self)
        let threads = threads
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
