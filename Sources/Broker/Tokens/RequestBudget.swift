/// How many token requests a credential may still make: the provider's patience, kept for the owner.
package struct RequestBudget: Sendable {
    /// Most requests in any minute, all callers together.
    package static let requestsPerMinute = 60
    /// Most requests under way at once.
    package static let requestsAtOnce = 10
    /// How long one key's last request spares it the next one.
    package static let pauseBetweenRequests = Duration.seconds(30)

    private var recent: [ContinuousClock.Instant] = []
    private var underWay = 0

    package init() {}

    /// Notes that a request begins.
    package mutating func begin(at now: ContinuousClock.Instant) {
        recent.removeAll { now - $0 >= .seconds(60) }
        recent.append(now)
        underWay += 1
    }

    /// Notes that a request under way is sent once more.
    package mutating func noteRepeat(at now: ContinuousClock.Instant) {
        recent.append(now)
    }

    /// Notes that a request has ended.
    package mutating func end() {
        underWay -= 1
    }

    /// How long a caller who is no administrator has to wait for its request; nil if it need not.
    package func wait(at now: ContinuousClock.Instant) -> Duration? {
        wait(at: now, atOnce: Self.requestsAtOnce, perMinute: Self.requestsPerMinute)
    }

    /// The same for a refresh in the background: half of the budget is left for callers.
    package func waitInBackground(at now: ContinuousClock.Instant) -> Duration? {
        wait(at: now, atOnce: Self.requestsAtOnce / 2, perMinute: Self.requestsPerMinute / 2)
    }

    private func wait(
        at now: ContinuousClock.Instant, atOnce: Int, perMinute: Int
    ) -> Duration? {
        if underWay >= atOnce { return .seconds(1) }
        let counted = recent.filter { now - $0 < .seconds(60) }
        guard counted.count >= perMinute else { return nil }
        return .seconds(60) - (now - counted[counted.count - perMinute])
    }

    /// Whether nothing of it matters any more.
    package func isIdle(at now: ContinuousClock.Instant) -> Bool {
        underWay == 0 && recent.allSatisfy { now - $0 >= .seconds(60) }
    }
}

/// The pause after the authorization server refused the client itself, so that no account is locked out.
package struct RefusalPause: Sendable {
    private static let shortest = Duration.seconds(60)
    private static let longest = Duration.seconds(3600)

    /// When the pause began, and when it ends.
    package private(set) var start: ContinuousClock.Instant
    package private(set) var end: ContinuousClock.Instant
    private var length: Duration

    /// Begins with one minute.
    package init(at now: ContinuousClock.Instant) {
        length = Self.shortest
        start = now
        end = now + length
    }

    /// Doubles the pause after a further refusal, to one hour at most.
    package mutating func prolong(at now: ContinuousClock.Instant) {
        length = min(length * 2, Self.longest)
        start = now
        end = now + length
    }

    /// Whether it still lasts, or a refusal now would prolong it.
    package func matters(at now: ContinuousClock.Instant) -> Bool {
        now - end < Self.longest
    }
}
