internal import Synchronization

/// Counts what each uid gets by rules with `--max-per-minute`.
package final class PayoutLimits: Sendable {
    private struct Key: Hashable {
        let credential: [UInt8]
        let subject: AllowedCaller.Subject
        // One for all in containers: there, one person has as many ids as he likes.
        let uid: UInt32?
    }

    private static let minute = Duration.seconds(60)

    private let payouts = Mutex<[Key: [ContinuousClock.Instant]]>([:])

    package init() {}

    /// Counts one payout by a rule.
    ///
    /// - Parameters:
    ///   - rule: what allowed it; one without a limit is not counted.
    ///   - credential: the credential's id.
    ///   - caller: who gets it.
    ///   - now: the time.
    /// - Throws: ``BrokerError/tryLater(_:after:)`` beyond the rule's limit.
    package func count(
        _ rule: AllowedCaller, of credential: [UInt8], for caller: Caller,
        at now: ContinuousClock.Instant
    ) throws(BrokerError) {
        guard let limit = rule.maxPerMinute else { return }
        let key = Key(
            credential: credential, subject: rule.subject,
            uid: caller.isContained ? nil : caller.uid)
        let wait: Duration? = payouts.withLock { payouts in
            let recent = payouts[key, default: []].filter { now - $0 < Self.minute }
            guard recent.count >= limit else {
                payouts[key] = recent + [now]
                return nil
            }
            payouts[key] = recent
            return Self.minute - (now - recent[recent.count - limit])
        }
        if let wait { throw .tryLater(.callerLimit(perMinute: limit), after: wait) }
    }

    /// Lets go of what no longer matters.
    package func prune(at now: ContinuousClock.Instant) {
        payouts.withLock { payouts in
            payouts = payouts.filter { $0.value.contains { now - $0 < Self.minute } }
        }
    }
}
