extension TokenCache {
    /// Notes that the request under way for a credential is sent once more.
    package func noteRepeat(_ credential: CredentialRevision) {
        budgets[credential]?.noteRepeat(at: clock.now())
    }

    /// Begins a request for a caller, if nothing forbids it.
    ///
    /// - Throws: ``BrokerError/paused``, or ``BrokerError/tryLater``.
    func begin(
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
        start(
            key, request, by: demand.deadline, notBefore: retryAfter?.end, isWanted: true)
    }

    /// Starts a request: from here on it is in the budget, and others may join it.
    func start(
        _ key: TokenKey, _ request: @escaping Request, by deadline: ContinuousClock.Instant,
        notBefore: ContinuousClock.Instant? = nil, isWanted: Bool
    ) {
        let now = clock.now()
        budgets[key.credential, default: RequestBudget()].begin(at: now)
        lastRequests[key] = now
        flightCount += 1
        let number = flightCount
        let task = Task { [clock] in
            if let notBefore, (try? await clock.sleep(notBefore)) == nil {
                return self.finish(key, number, .failure(.timedOut))
            }
            let answer = await request(deadline)
            self.finish(key, number, answer)
        }
        flights[key] = TokenFlight(
            number: number, begunAt: now, deadline: deadline, request: request, task: task,
            isWanted: isWanted)
    }

    /// Ends a request without its answer.
    func drop(_ key: TokenKey, _ error: BrokerError) {
        guard let flight = flights.removeValue(forKey: key) else { return }
        flight.task.cancel()
        for waiter in flight.waiters.values { waiter.resume(returning: .failure(error)) }
    }

    private func finish(_ key: TokenKey, _ number: UInt64, _ answer: TokenFlight.Answer) {
        budgets[key.credential]?.end()
        // A flight that was dropped leaves nothing behind.
        guard let flight = flights[key], flight.number == number else { return }
        flights[key] = nil
        remember(answer, for: key, flight)
        for waiter in flight.waiters.values { waiter.resume(returning: answer) }
    }

    private func remember(
        _ answer: TokenFlight.Answer, for key: TokenKey, _ flight: TokenFlight
    ) {
        let now = clock.now()
        switch answer {
        case .success(let token):
            pauses[key.credential] = nil
            keep(token, for: key, isWanted: flight.isWanted, flight.request)
        case .failure(let error):
            if error.refusesClient {
                pause(key.credential, error, begunAt: flight.begunAt, at: now)
            }
            if case .tryLater(let delay, let after?) = error {
                retryAfters[key.credential.id] = (now + after, delay)
            }
            noteFailure(error, key, flight, at: now)
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

    /// Waits for the request under way, but not beyond the caller's own deadline or cancellation.
    func answer(
        for key: TokenKey, by deadline: ContinuousClock.Instant
    ) async -> TokenFlight.Answer {
        waiterCount += 1
        let waiter = waiterCount
        flights[key]?.isWanted = true
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in
                try? await clock.sleep(deadline)
                await self.giveUp(waiter, key)
            }
            let answer = await withCheckedContinuation {
                (continuation: CheckedContinuation<TokenFlight.Answer, Never>) in
                if flights[key] == nil {
                    continuation.resume(returning: TokenFlight.Answer.failure(.timedOut))
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
