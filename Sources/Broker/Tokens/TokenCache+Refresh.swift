/// When the cache next looks for tokens whose successors are to be asked for.
struct RefreshAlarm {
    let number: UInt64
    let time: ContinuousClock.Instant
    let task: Task<Void, Never>
}

/// Refresh in the background: who is asked for again and again finds a token that is good enough.
///
/// It keeps to every bound that spares the authorization server, and leaves half of the budget to callers. A
/// token that nobody has asked for since it came is left to end.
extension TokenCache {
    // As for a caller who does not say.
    private static let timeForRefresh = Duration.seconds(30)
    // Many tokens may wait for the same moment, such as the end of a pause.
    private static let spread = Duration.seconds(2)

    /// Notes that somebody asked for a token that was got in the background.
    func want(_ key: TokenKey) {
        guard var kept = tokens[key] else { return }
        kept.isWanted = true
        tokens[key] = kept
        wake(for: kept)
    }

    /// Sees to it that the token's successor is asked for in time.
    func wake(for kept: KeptToken) {
        guard let time = kept.refreshTime(at: clock.now()) else { return }
        wake(at: time)
    }

    /// Notes that a request brought no successor to a token that may still be there.
    func noteFailure(
        _ error: BrokerError, _ key: TokenKey, _ flight: TokenFlight,
        at now: ContinuousClock.Instant
    ) {
        guard var kept = tokens[key] else { return }
        if !error.leavesTokensAlone {
            kept.abandonRefresh()
        } else if !flight.wasHurried(error) {
            kept.noteFailure(at: now, isRefusal: error.isRefusal, jitter: jitter?() ?? 0)
        }
        tokens[key] = kept
        wake(for: kept)
    }

    private func wake(at time: ContinuousClock.Instant) {
        if let alarm {
            guard time < alarm.time else { return }
            alarm.task.cancel()
        }
        alarmCount += 1
        let number = alarmCount
        let task = Task { [weak self, clock] in
            guard (try? await clock.sleep(time)) != nil else { return }
            await self?.refreshWhatIsDue(number)
        }
        alarm = RefreshAlarm(number: number, time: time, task: task)
    }

    private func refreshWhatIsDue(_ number: UInt64) {
        // One that was replaced just when it went off does nothing.
        guard alarm?.number == number else { return }
        alarm = nil
        let now = clock.now()
        for (key, kept) in tokens where flights[key] == nil {
            guard let time = kept.refreshTime(at: now), time <= now, let request = kept.request
            else { continue }
            if let later = hindrance(to: key, at: now) {
                tokens[key]?.postpone(to: later)
            } else {
                start(key, request, by: now + Self.timeForRefresh, isWanted: false)
            }
        }
        // Whatever is under way sets its own time when it ends.
        let next = tokens.lazy.filter { self.flights[$0.key] == nil }
            .compactMap { $0.value.refreshTime(at: now) }.min()
        if let next { wake(at: next) }
    }

    /// Until when a request in the background is forbidden; nil if it is not.
    private func hindrance(
        to key: TokenKey, at now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        let ends = [
            pauses[key.credential]?.pause.end, retryAfters[key.credential.id]?.end,
            budgets[key.credential]?.waitInBackground(at: now).map { now + $0 },
        ]
        guard let end = ends.compactMap(\.self).max(), end > now else { return nil }
        return end + Self.spread * (jitter?() ?? 0)
    }
}
