/// The tokens that the broker has, and the requests for those that it has not.
///
/// However many callers ask for the same token at once, one request runs
/// ([single flight](https://pkg.go.dev/golang.org/x/sync/singleflight)); a caller who gives up leaves it
/// running for the others.
package actor TokenCache {
    /// Asks the authorization server; ends by the deadline.
    package typealias Request =
        @Sendable (_ deadline: ContinuousClock.Instant) async -> Result<Token, BrokerError>

    /// Most tokens that are kept, and most bytes of them; those that end first make room.
    package static let limit = 10_000
    package static let byteLimit = 64 << 20

    // How long a request that has run out of time may take to say so.
    private static let lastWord = Duration.seconds(1)

    // How much more time than another caller's makes a request worth while.
    private static let worthAnother = Duration.seconds(1)

    private typealias Answer = Result<Token, BrokerError>

    private struct Flight {
        let number: UInt64
        let begunAt: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant
        let task: Task<Void, Never>
        var waiters: [UInt64: CheckedContinuation<Answer, Never>] = [:]
    }

    private let clock: BrokerClock
    private var tokens: [TokenKey: Token] = [:]
    private var flights: [TokenKey: Flight] = [:]
    private var lastRequests: [TokenKey: ContinuousClock.Instant] = [:]
    private var budgets: [CredentialRevision: RequestBudget] = [:]
    private var pauses: [CredentialRevision: (pause: RefusalPause, error: BrokerError)] = [:]
    // By credential: a change of its metadata is no reason for the server to be asked sooner.
    private var retryAfters: [[UInt8]: (end: ContinuousClock.Instant, delay: BrokerError.Delay)] =
        [:]
    private var flightCount: UInt64 = 0
    private var waiterCount: UInt64 = 0

    package init(clock: BrokerClock = .system) {
        self.clock = clock
    }

    /// How many tokens are kept, expired ones included.
    package var count: Int { tokens.count }

    /// A token that meets the demand: from the cache, from a request under way, or from a new one.
    ///
    /// - Throws: ``BrokerError/timedOut`` at the demand's deadline, ``BrokerError/tryLater`` beyond a
    ///   bound or before the server's `Retry-After`, ``BrokerError/paused`` after `invalid_client`, and
    ///   what the request itself failed with.
    package func token(
        for key: TokenKey, _ demand: TokenDemand, request: @escaping Request
    ) async throws(BrokerError) -> Token {
        while true {
            if let cached = payable(key, demand) { return cached }
            let joined = flights[key]
            if joined == nil { try begin(key, demand, request) }
            // Whoever began the request hears from it what went wrong.
            let patience = joined == nil ? demand.deadline + Self.lastWord : demand.deadline
            switch await answer(for: key, by: patience) {
            case .success(let token): return token
            case .failure(let error):
                guard let joined, isForWantOfTime(error, joined, demand), !Task.isCancelled else {
                    throw error
                }
            }
        }
    }

    /// Whether the caller who began the request had less time than this one, and that was the reason.
    private func isForWantOfTime(
        _ error: BrokerError, _ flight: Flight, _ demand: TokenDemand
    ) -> Bool {
        let now = clock.now()
        guard demand.deadline >= max(now, flight.deadline) + Self.worthAnother else { return false }
        switch error {
        case .timedOut, .noAnswer: return true
        case .unreachable: return now + Self.worthAnother >= flight.deadline
        case .tryLater(.serverAsked, let after?):
            return flight.deadline <= now + after && now + after < demand.deadline
        default: return false
        }
    }

    /// Notes that the request under way for a credential is sent once more.
    package func noteRepeat(_ credential: CredentialRevision) {
        budgets[credential]?.noteRepeat(at: clock.now())
    }

    /// Lets go of what no longer matters: tokens that have ended, bounds that have passed.
    package func prune() {
        let now = clock.now()
        tokens = tokens.filter { $0.value.expiry.map { $0 > now } ?? false }
        lastRequests = lastRequests.filter { now - $0.value < RequestBudget.pauseBetweenRequests }
        budgets = budgets.filter { !$0.value.isIdle(at: now) }
        pauses = pauses.filter { $0.value.pause.matters(at: now) }
        retryAfters = retryAfters.filter { $0.value.end > now }
    }

    /// Forgets every token, and ends every request: the vault was locked.
    package func removeAll() {
        for key in Array(flights.keys) { drop(key, .locked) }
        tokens = [:]
        lastRequests = [:]
    }

    /// Forgets the tokens of a credential that was changed or removed.
    package func remove(credential id: [UInt8]) {
        for key in Array(flights.keys) where key.credential.id == id {
            drop(key, .tryLater(.credentialChanged, after: nil))
        }
        tokens = tokens.filter { $0.key.credential.id != id }
        lastRequests = lastRequests.filter { $0.key.credential.id != id }
        pauses = pauses.filter { $0.key.id != id }
    }

    private func drop(_ key: TokenKey, _ error: BrokerError) {
        guard let flight = flights.removeValue(forKey: key) else { return }
        flight.task.cancel()
        for waiter in flight.waiters.values { waiter.resume(returning: .failure(error)) }
    }

    private func payable(_ key: TokenKey, _ demand: TokenDemand) -> Token? {
        guard let token = tokens[key] else { return nil }
        let now = clock.now()
        if !demand.isFresh && demand.isSatisfied(by: token, at: now) { return token }
        guard !demand.isAdministrator, let expiry = token.expiry, expiry > now,
            let last = lastRequests[key], now - last < RequestBudget.pauseBetweenRequests
        else { return nil }
        return token
    }

    private func begin(
        _ key: TokenKey, _ demand: TokenDemand, _ request: @escaping Request
    ) throws(BrokerError) {
        let now = clock.now()
        let credential = key.credential
        if let (pause, error) = pauses[credential], pause.end > now,
            !(demand.isFresh && demand.isAdministrator)
        {
            throw .paused(error, until: clock.wallSeconds(at: pause.end))
        }
        let retryAfter = retryAfters[credential.id].flatMap { $0.end > now ? $0 : nil }
        if let retryAfter, retryAfter.end >= demand.deadline {
            throw .tryLater(retryAfter.delay, after: retryAfter.end - now)
        }
        if !demand.isAdministrator, let wait = budgets[credential]?.wait(at: now) {
            throw .tryLater(.budget, after: wait)
        }
        budgets[credential, default: RequestBudget()].begin(at: now)
        lastRequests[key] = now
        flightCount += 1
        let number = flightCount
        let task = Task { [clock] in
            if let retryAfter, (try? await clock.sleep(retryAfter.end)) == nil {
                return self.finish(key, number, .failure(.timedOut))
            }
            let answer = await request(demand.deadline)
            self.finish(key, number, answer)
        }
        flights[key] = Flight(
            number: number, begunAt: now, deadline: demand.deadline, task: task)
    }

    private func finish(_ key: TokenKey, _ number: UInt64, _ answer: Answer) {
        budgets[key.credential]?.end()
        // A flight that was dropped leaves nothing behind.
        guard let flight = flights[key], flight.number == number else { return }
        flights[key] = nil
        remember(answer, for: key, begunAt: flight.begunAt)
        for waiter in flight.waiters.values { waiter.resume(returning: answer) }
    }

    private func remember(
        _ answer: Answer, for key: TokenKey, begunAt: ContinuousClock.Instant
    ) {
        let now = clock.now()
        switch answer {
        case .success(let token):
            pauses[key.credential] = nil
            if token.expiry != nil { keep(token, for: key, at: now) }
        case .failure(let error):
            if error.refusesClient { pause(key.credential, error, begunAt: begunAt, at: now) }
            if case .tryLater(let delay, let after?) = error {
                retryAfters[key.credential.id] = (now + after, delay)
            }
        }
    }

    private func pause(
        _ credential: CredentialRevision, _ error: BrokerError, begunAt: ContinuousClock.Instant,
        at now: ContinuousClock.Instant
    ) {
        guard var pause = pauses[credential]?.pause else {
            pauses[credential] = (RefusalPause(at: now), error)
            return
        }
        // Requests that were under way together are refused together: that is one refusal.
        guard begunAt >= pause.start else { return }
        pause.prolong(at: now)
        pauses[credential] = (pause, error)
    }

    private func keep(_ token: Token, for key: TokenKey, at now: ContinuousClock.Instant) {
        tokens[key] = token
        func isTooMuch() -> Bool {
            tokens.count > Self.limit
                || tokens.values.reduce(0) { $0 + $1.accessToken.utf8.count } > Self.byteLimit
        }
        guard isTooMuch() else { return }
        prune()
        while isTooMuch(),
            let first = tokens.min(by: { ($0.value.expiry ?? now) < ($1.value.expiry ?? now) })
        {
            tokens[first.key] = nil
        }
    }

    /// Waits for the request under way, but not beyond the caller's own deadline or cancellation.
    private func answer(
        for key: TokenKey, by deadline: ContinuousClock.Instant
    ) async -> Answer {
        waiterCount += 1
        let waiter = waiterCount
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in
                try? await clock.sleep(deadline)
                await self.giveUp(waiter, key)
            }
            let answer = await withCheckedContinuation {
                (continuation: CheckedContinuation<Answer, Never>) in
                if flights[key] == nil {
                    continuation.resume(returning: Answer.failure(.timedOut))
                }
                flights[key]?.waiters[waiter] = continuation
            }
            group.cancelAll()
            return answer
        }
    }

    private func giveUp(_ waiter: UInt64, _ key: TokenKey) {
        flights[key]?.waiters.removeValue(forKey: waiter)?.resume(returning: .failure(.timedOut))
    }
}
