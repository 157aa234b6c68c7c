/// A token in the cache, and when its successor is asked for.
struct KeptToken: Sendable {
    let token: Token
    let expiry: ContinuousClock.Instant
    /// Whether a caller has asked for it since it came.
    var isWanted: Bool
    /// When its successor is asked for; nil if it can't be.
    private(set) var refreshAt: ContinuousClock.Instant?
    /// Asks for its successor; holds no secret.
    private(set) var request: TokenCache.Request?
    /// How many requests for its successor have failed in a row.
    private var failures = 0

    /// How long no successor is asked for after one that failed.
    static let longestBackoff = Duration.seconds(300)

    /// - Parameters:
    ///   - token: the token; one whose end nobody knows is not kept.
    ///   - isWanted: whether a caller has asked for it.
    ///   - request: asks for its successor; nil for none.
    ///   - jitter: from 0 to 1: where in its range the time for that lies.
    init?(
        _ token: Token, isWanted: Bool, request: TokenCache.Request?, jitter: Double
    ) {
        guard let expiry = token.expiry, let lifetime = token.lifetime else { return nil }
        self.token = token
        self.expiry = expiry
        self.isWanted = isWanted
        self.request = request
        guard request != nil else { return }
        // Within the time for which it is good enough for everybody who asks for nothing special.
        let usual = lifetime - TokenDemand.usualValidity(lifetime: lifetime)
        var wait = usual * (0.75 + 0.15 * jitter)
        if usual >= RequestBudget.pauseBetweenRequests {
            wait = max(wait, RequestBudget.pauseBetweenRequests)
        }
        refreshAt = token.requestedAt + wait
    }

    /// When its successor is to be asked for, as things are; nil if it is not.
    func refreshTime(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard isWanted, expiry > now, let refreshAt, refreshAt < expiry else { return nil }
        return refreshAt
    }

    /// Whether its successor could not be had lately, so that it stands in although little of it is left.
    func isLast(at now: ContinuousClock.Instant) -> Bool {
        guard failures > 0, let refreshAt else { return false }
        return refreshAt > now && expiry > now
    }

    /// Puts the next request off: something forbids it until then.
    mutating func postpone(to time: ContinuousClock.Instant) {
        guard request != nil else { return }
        refreshAt = time
    }

    /// Notes that the server gave no successor: the next request waits longer and longer, and longest where
    /// the server has refused, which the same request hardly changes.
    mutating func noteFailure(
        at now: ContinuousClock.Instant, isRefusal: Bool, jitter: Double
    ) {
        guard request != nil else { return }
        let lifetime = expiry - token.requestedAt
        let first = min(max(lifetime / 20, .seconds(1)), RequestBudget.pauseBetweenRequests)
        let grown = min(first * (1 << min(failures, 10)), Self.longestBackoff)
        let backoff = isRefusal ? Self.longestBackoff : grown
        failures += 1
        refreshAt = now + backoff * (1 + jitter / 2)
    }

    /// Notes that its successor can't be asked for in this way any more.
    mutating func abandonRefresh() {
        request = nil
        refreshAt = nil
    }
}
