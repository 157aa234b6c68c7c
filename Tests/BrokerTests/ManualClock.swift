import Synchronization

@testable import Broker

/// A time that tests set; sleepers wake when it has come, or when their task is cancelled.
final class ManualClock: Sendable {
    private typealias Sleeper = (
        at: ContinuousClock.Instant, wake: CheckedContinuation<Void, any Error>
    )

    private struct State {
        var now = ContinuousClock.now
        var count: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
    }

    private let state = Mutex(State())

    var now: ContinuousClock.Instant { state.withLock(\.now) }

    var clock: BrokerClock {
        BrokerClock(
            now: { self.now }, wallSeconds: { 1_800_000_000 },
            sleep: { try await self.sleep(until: $0) })
    }

    private func sleep(until instant: ContinuousClock.Instant) async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (wake: CheckedContinuation) in
                let isLate = state.withLock { state in
                    guard instant > state.now else { return true }
                    // Cancelled from here on, the handler finds the sleeper, or finds it too late.
                    state.sleepers[number] = (instant, wake)
                    return false
                }
                if isLate { wake.resume() }
                if Task.isCancelled { cancel(number) }
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func cancel(_ number: UInt64) {
        let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
        sleeper?.wake.resume(throwing: CancellationError())
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.at <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values
        }
        for sleeper in due { sleeper.wake.resume() }
    }
}
