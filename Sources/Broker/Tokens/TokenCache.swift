/// The tokens that the broker has, and the requests for those that it has not.
///
/// However many callers ask for the same token at once, one request runs
/// ([single flight](https://pkg.go.dev/golang.org/x/sync/singleflight)); a caller who gives up leaves it
/// running for the others. A token that is asked for gets its successor before it ends, and no trouble with
/// the server takes it away before that.
package actor TokenCache {
    /// Asks the authorization server; ends by the deadline.
    ///
    /// The cache keeps it with the token that it brings: it must hold no secret.
    package typealias Request =
        @Sendable (_ deadline: ContinuousClock.Instant) async -> Result<Token, BrokerError>

    /// Most tokens that are kept, and most bytes of them; those that end first make room.
    package static let limit = 10_000
    package static let byteLimit = 64 << 20

    // How long a request that has run out of time may take to say so.
    private static let lastWord = Duration.seconds(1)

    // How much more time than another caller's makes a request worth while.
    private static let worthAnother = Duration.seconds(1)

    let clock: BrokerClock
    let jitter: (@Sendable () -> Double)?
    let metrics: Metrics
    var tokens: [TokenKey: KeptToken] = [:]
    var flights: [TokenKey: TokenFlight] = [:]
    var lastRequests: [TokenKey: ContinuousClock.Instant] = [:]
    var budgets: [CredentialRevision: RequestBudget] = [:]
    var pauses: [CredentialRevision: (pause: RefusalPause, error: BrokerError)] = [:]
    // By credential: a change of its metadata is no reason for the server to be asked sooner.
    var retryAfters: [[UInt8]: (end: ContinuousClock.Instant, delay: BrokerError.Delay)] = [:]
    var flightCount: UInt64 = 0
    var waiterCount: UInt64 = 0
    var alarm: RefreshAlarm?
    var alarmCount: UInt64 = 0

    /// - Parameters:
    ///   - clock: what measures lifetimes.
    ///   - metrics: counts what is paid out from here.
    ///   - jitter: spreads refreshes in the background, from 0 to 1; nil for none of them.
    package init(
        clock: BrokerClock = .system, metrics: Metrics = Metrics(),
        jitter: (@Sendable () -> Double)? = { Double.random(in: 0...1) }
    ) {
        self.clock = clock
        self.metrics = metrics
        self.jitter = jitter
    }

    deinit { alarm?.task.cancel() }

    /// How many tokens are kept, expired ones included.
    package var count: Int { tokens.count }

    /// When the longest-lived token of each credential ends.
    package func expiries() -> [[UInt8]: ContinuousClock.Instant] {
        tokens.reduce(into: [:]) { ends, kept in
            let id = kept.key.credential.id
            ends[id] = max(ends[id] ?? kept.value.expiry, kept.value.expiry)
        }
    }

    /// A token that meets the demand: from the cache, from a request under way, or from a new one.
    ///
    /// A demand that asks for nothing special gets the cached token to its very end where no better one is to
    /// be had.
    ///
    /// - Throws: ``BrokerError/timedOut`` at the demand's deadline, ``BrokerError/tryLater`` beyond a
    ///   bound or before the server's `Retry-After`, ``BrokerError/paused`` after `invalid_client`, and
    ///   what the request itself failed with.
    package func token(
        for key: TokenKey, _ demand: TokenDemand, request: @escaping Request
    ) async throws(BrokerError) -> Token {
        do throws(BrokerError) {
            return try await newest(for: key, demand, request)
        } catch {
            guard error.leavesTokensAlone, demand.isModest, let kept = tokens[key],
                kept.expiry > clock.now()
            else { throw error }
            return paid(kept, key)
        }
    }

    private func newest(
        for key: TokenKey, _ demand: TokenDemand, _ request: @escaping Request
    ) async throws(BrokerError) -> Token {
        while true {
            if let cached = payable(key, demand) { return cached }
            let joined = flights[key]
            if joined == nil { try begin(key, demand, request) }
            demand.noteWait()
            let patience = self.patience(key, demand, isFirst: joined == nil)
            switch await answer(for: key, by: patience) {
            case .success(let token): return token
            case .failure(let error):
                guard let joined, clock.now() < patience, !Task.isCancelled,
                    isForWantOfTime(error, joined, demand)
                else { throw error }
            }
        }
    }

    private func patience(
        _ key: TokenKey, _ demand: TokenDemand, isFirst: Bool
    ) -> ContinuousClock.Instant {
        // Whoever began the request hears from it what went wrong.
        let usual = isFirst ? demand.deadline + Self.lastWord : demand.deadline
        guard demand.isModest, let kept = tokens[key] else { return usual }
        // Before the token that would stand in has ended, and has had time to be used.
        let last = kept.expiry - min(.seconds(1), (kept.expiry - kept.token.requestedAt) / 10)
        return last > clock.now() ? min(usual, last) : usual
    }

    /// Whether the caller who began the request had less time than this one, and that was the reason.
    private func isForWantOfTime(
        _ error: BrokerError, _ flight: TokenFlight, _ demand: TokenDemand
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

    private func payable(_ key: TokenKey, _ demand: TokenDemand) -> Token? {
        guard let kept = tokens[key] else { return nil }
        let now = clock.now()
        if !demand.isFresh && demand.isSatisfied(by: kept.token, at: now) { return paid(kept, key) }
        if demand.isModest && kept.isLast(at: now) { return paid(kept, key) }
        guard !demand.isAdministrator, kept.expiry > now,
            let last = lastRequests[key], now - last < RequestBudget.pauseBetweenRequests
        else { return nil }
        return paid(kept, key)
    }

    private func paid(_ kept: KeptToken, _ key: TokenKey) -> Token {
        metrics.noteCacheHit()
        if !kept.isWanted { want(key) }
        return kept.token
    }

    /// Lets go of what no longer matters: tokens that have ended, bounds that have passed.
    package func prune() {
        let now = clock.now()
        tokens = tokens.filter { $0.value.expiry > now }
        lastRequests = lastRequests.filter { now - $0.value < RequestBudget.pauseBetweenRequests }
        budgets = budgets.filter { !$0.value.isIdle(at: now) }
        pauses = pauses.filter { $0.value.pause.matters(at: now) }
        retryAfters = retryAfters.filter { $0.value.end > now }
    }

    /// Forgets every token, and ends every request.
    ///
    /// - Parameter error: what those who wait are told.
    package func removeAll(telling error: BrokerError = .locked) {
        for key in Array(flights.keys) { drop(key, error) }
        alarm?.task.cancel()
        alarm = nil
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

    func keep(_ token: Token, for key: TokenKey, isWanted: Bool, _ request: @escaping Request) {
        let now = clock.now()
        guard
            let kept = KeptToken(
                token, isWanted: isWanted, request: jitter == nil ? nil : request,
                jitter: jitter?() ?? 0)
        else { return }
        tokens[key] = kept
        wake(for: kept)
        func isTooMuch() -> Bool {
            tokens.count > Self.limit
                || tokens.values.reduce(0) { $0 + $1.token.accessToken.utf8.count }
                    > Self.byteLimit
        }
        guard isTooMuch() else { return }
        tokens = tokens.filter { $0.value.expiry > now }
        while isTooMuch(),
            let first = tokens.min(by: { $0.value.expiry < $1.value.expiry })
        {
            tokens[first.key] = nil
        }
    }
}
