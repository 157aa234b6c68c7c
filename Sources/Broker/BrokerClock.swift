#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The two clocks of a broker: one that measures lifetimes, and one that people read.
///
/// Tests hand in closures over a time that they set.
package struct BrokerClock: Sendable {
    /// The time that never jumps, and goes on while the machine sleeps.
    package var now: @Sendable () -> ContinuousClock.Instant
    /// Seconds since 1970 (UTC).
    package var wallSeconds: @Sendable () -> Double
    /// Sleeps until an instant of ``now``, or until its task is cancelled.
    package var sleep: @Sendable (ContinuousClock.Instant) async throws -> Void

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        wallSeconds: @escaping @Sendable () -> Double,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) {
        self.now = now
        self.wallSeconds = wallSeconds
        self.sleep = sleep
    }

    /// The machine's own clocks.
    package static let system = BrokerClock(
        now: { ContinuousClock.now },
        wallSeconds: { Date().timeIntervalSince1970 },
        sleep: { try await ContinuousClock().sleep(until: $0) })

    /// The wall-clock time of an instant, in seconds since 1970.
    package func wallSeconds(at instant: ContinuousClock.Instant) -> Double {
        wallSeconds() + (instant - now()).seconds
    }
}

/// A point in time as RFC 3339 writes it, in UTC: `2026-11-24T12:00:00Z`.
package func rfc3339(_ secondsSince1970: Double) -> String {
    Date(timeIntervalSince1970: secondsSince1970.rounded(.down)).formatted(.iso8601)
}
