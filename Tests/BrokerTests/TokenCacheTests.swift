import Synchronization
import Testing

@testable import Broker
@testable import OAuth

struct TokenCacheTests {
    private let time = ManualClock()
    private let cache: TokenCache
    private let requests = Counter()

    final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func increment() -> Int {
            value.withLock { value in
                value += 1
                return value
            }
        }
    }

    // What is refreshed in the background has tests of its own.
    init() { cache = TokenCache(clock: time.clock, jitter: nil) }

    private static let place = BrokerError.Endpoint(credential: "a", host: "h", hasProxy: false)

    private func key(_ id: UInt8 = 1, scopes: Set<String> = []) -> TokenKey {
        TokenKey(
            credential: CredentialRevision(id: [id], revision: 1), scopes: scopes, audience: nil,
            resources: [])
    }

    private func demand(
        fresh: Bool = false, minimum: Duration? = nil, within: Duration = .seconds(30),
        administrator: Bool = true
    ) -> TokenDemand {
        TokenDemand(
            minimumValidity: minimum, isFresh: fresh, deadline: time.now + within,
            isAdministrator: administrator)
    }

    private func token(_ number: Int, lifetime: Duration? = .seconds(3600)) -> Token {
        Token(
            accessToken: "t\(number)", tokenType: "Bearer", scope: nil, requestedAt: time.now,
            lifetime: lifetime)
    }

    private func get(
        _ key: TokenKey? = nil, _ demand: TokenDemand? = nil, lifetime: Duration? = .seconds(3600)
    ) async throws(BrokerError) -> String {
        try await cache.token(for: key ?? self.key(), demand ?? self.demand()) { [requests] _ in
            .success(self.token(requests.increment(), lifetime: lifetime))
        }.accessToken
    }

    private func fail(
        _ error: BrokerError, _ demand: TokenDemand? = nil
    ) async -> BrokerError? {
        do {
            _ = try await cache.token(for: key(), demand ?? self.demand()) { [requests] _ in
                _ = requests.increment()
                return .failure(error)
            }
            return nil
        } catch { return error }
    }

    @Test func manyCallersCauseOneRequest() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let tokens = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<500 {
                group.addTask {
                    try? await self.cache.token(for: self.key(), self.demand()) { [requests] _ in
                        let number = requests.increment()
                        for await _ in gate { break }
                        return .success(self.token(number))
                    }.accessToken
                }
            }
            try? await Task.sleep(for: .milliseconds(50))
            open.finish()
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(requests.count == 1)
        #expect(tokens == ["t1": 500])
    }

    @Test func aTokenIsPaidOutUntilItIsTooOld() async throws {
        #expect(try await get() == "t1")
        time.advance(by: .seconds(3500))
        #expect(try await get() == "t1")
        time.advance(by: .seconds(41))
        #expect(try await get() == "t2")
    }

    @Test func aShortTokenIsPaidOutForHalfItsLife() async throws {
        #expect(try await get(lifetime: .seconds(2)) == "t1")
        time.advance(by: .seconds(1))
        #expect(try await get(lifetime: .seconds(2)) == "t1")
        time.advance(by: .milliseconds(1))
        #expect(try await get(lifetime: .seconds(2)) == "t2")
    }

    @Test func aTokenWithoutALifetimeIsPaidOutOnce() async throws {
        #expect(try await get(lifetime: nil) == "t1")
        #expect(try await get(lifetime: nil) == "t2")
    }

    @Test func eachScopeSetHasItsToken() async throws {
        #expect(try await get(key(scopes: ["a", "b"])) == "t1")
        #expect(try await get(key(scopes: ["a"])) == "t2")
        #expect(try await get(key(scopes: ["b", "a"])) == "t1")
    }

    @Test func freshAsksTheServer() async throws {
        #expect(try await get() == "t1")
        #expect(try await get(nil, demand(fresh: true)) == "t2")
        #expect(try await get() == "t2")
    }

    @Test func minimumValidityAsksTheServer() async throws {
        #expect(try await get() == "t1")
        #expect(try await get(nil, demand(minimum: .seconds(3600))) == "t1")
        time.advance(by: .seconds(1))
        #expect(try await get(nil, demand(minimum: .seconds(3600))) == "t2")
    }

    @Test(arguments: [true, false])
    func othersWaitThirtySecondsForAnotherToken(fresh: Bool) async throws {
        func ask() async throws -> String {
            try await get(
                nil,
                demand(fresh: fresh, minimum: .seconds(7200), administrator: false))
        }
        #expect(try await ask() == "t1")
        for _ in 0..<100 { #expect(try await ask() == "t1") }
        time.advance(by: .seconds(30))
        #expect(try await ask() == "t2")
        #expect(requests.count == 2)
    }

    @Test func othersGetSixtyRequestsAMinute() async throws {
        for number in 0..<60 {
            _ = try await get(key(scopes: ["\(number)"]), demand(administrator: false))
        }
        await #expect(throws: BrokerError.tryLater(.budget, after: .seconds(60))) {
            _ = try await get(key(scopes: ["x"]), demand(administrator: false))
        }
        #expect(try await get(key(2), demand(administrator: false)) == "t61")
        #expect(try await get(key(scopes: ["y"])) == "t62")
        time.advance(by: .seconds(61))
        #expect(try await get(key(scopes: ["x"]), demand(administrator: false)) == "t63")
    }

    @Test func othersGetTenRequestsAtOnce() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask {
                    _ = try? await self.cache.token(
                        for: self.key(scopes: ["\(number)"]), self.demand(administrator: false)
                    ) { [requests] _ in
                        let number = requests.increment()
                        for await _ in gate { break }
                        return .success(self.token(number))
                    }
                }
            }
            while requests.count < 10 { await Task.yield() }
            await #expect(throws: BrokerError.tryLater(.budget, after: .seconds(1))) {
                _ = try await self.get(self.key(scopes: ["x"]), self.demand(administrator: false))
            }
            open.finish()
        }
    }

    @Test func afterInvalidClientItPausesLongerAndLonger() async throws {
        let refused = BrokerError.oauth(
            .refused(.invalidClient, description: nil, status: 401), Self.place)
        #expect(await fail(refused) == refused)
        let until = 1_800_000_000.0 + 60
        #expect(await fail(refused) == .paused(refused, until: until))
        #expect(
            await fail(refused, demand(fresh: true, administrator: false))
                == .paused(refused, until: until))
        #expect(requests.count == 1)
        #expect(await fail(refused, demand(fresh: true)) == refused)
        #expect(requests.count == 2)
        time.advance(by: .seconds(61))
        #expect(await fail(refused) == .paused(refused, until: 1_800_000_000.0 + 59))
        time.advance(by: .seconds(59))
        #expect(try await get() == "t3")
        #expect(try await get(nil, demand(fresh: true)) == "t4")
    }

    @Test func anEmptyRefusalPausesToo() async {
        let refused = BrokerError.oauth(.refusedWithoutCode(status: 403), Self.place)
        _ = await fail(refused)
        _ = await fail(refused)
        #expect(requests.count == 1)
    }

    @Test func nothingSkipsRetryAfter() async throws {
        let later = BrokerError.tryLater(.serverAsked(Self.place), after: .seconds(120))
        _ = await fail(later)
        #expect(await fail(later, demand(fresh: true)) == later)
        #expect(requests.count == 1)
        time.advance(by: .seconds(120))
        #expect(try await get() == "t2")
    }

    @Test func aCallerWaitsNoLongerThanItWants() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        async let patient = cache.token(for: key(), demand(within: .seconds(30))) { [requests] _ in
            let number = requests.increment()
            for await _ in gate { break }
            return .success(self.token(number))
        }
        while requests.count == 0 { await Task.yield() }
        let hurried = Task { await self.fail(.timedOut, self.demand(within: .seconds(1))) }
        try await Task.sleep(for: .milliseconds(50))
        time.advance(by: .seconds(1))
        #expect(await hurried.value == .timedOut)
        open.finish()
        #expect(try await patient.accessToken == "t1")
        #expect(requests.count == 1)
    }

    @Test func aPatientCallerAsksAgainAfterAHurriedOne() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let hurried = Task {
            try await self.cache.token(for: self.key(), self.demand(within: .seconds(1))) {
                [requests] _ in
                _ = requests.increment()
                for await _ in gate { break }
                return .failure(.timedOut)
            }
        }
        while requests.count == 0 { await Task.yield() }
        let patient = Task { try await self.get() }
        try await Task.sleep(for: .milliseconds(50))
        open.finish()
        await #expect(throws: BrokerError.timedOut) { try await hurried.value }
        #expect(try await patient.value == "t2")
    }

    @Test func lockingForgetsTokensAndEndsRequests() async throws {
        #expect(try await get() == "t1")
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task {
            do throws(BrokerError) {
                _ = try await self.cache.token(for: self.key(2), self.demand()) { [requests] _ in
                    let number = requests.increment()
                    for await _ in gate { break }
                    return .success(self.token(number))
                }
                return nil as BrokerError?
            } catch { return error }
        }
        while requests.count < 2 { await Task.yield() }
        await cache.removeAll()
        #expect(await waiting.value == .locked)
        open.finish()
        #expect(await cache.count == 0)
        #expect(try await get() == "t3")
    }

    @Test func aChangedCredentialHasNoTokensLeft() async throws {
        #expect(try await get() == "t1")
        #expect(try await get(key(2)) == "t2")
        await cache.remove(credential: [1])
        #expect(try await get(key(2)) == "t2")
        #expect(try await get() == "t3")
    }

    @Test func aCancelledCallerLeavesAtOnce() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let caller = Task {
            try? await self.cache.token(for: self.key(), self.demand()) { [requests] _ in
                let number = requests.increment()
                for await _ in gate { break }
                return .success(self.token(number))
            }
        }
        while requests.count == 0 { await Task.yield() }
        caller.cancel()
        #expect(await caller.value == nil)
        open.finish()
    }

    /// The server did not answer in the hurried caller's second; that is no answer for a patient one.
    @Test(arguments: [
        BrokerError.noAnswer(place), .unreachable(place, cause: "no connection in time"),
        .tryLater(.serverAsked(place), after: .seconds(2)),
    ])
    func aPatientCallerDoesNotFailWithAHurriedOne(failure: BrokerError) async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let hurried = Task {
            try await self.cache.token(for: self.key(), self.demand(within: .seconds(1))) {
                [requests] _ in
                _ = requests.increment()
                for await _ in gate { break }
                return .failure(failure)
            }
        }
        while requests.count == 0 { await Task.yield() }
        let patient = Task { try await self.get() }
        try await Task.sleep(for: .milliseconds(50))
        open.finish()
        await #expect(throws: failure) { try await hurried.value }
        while requests.count == 1 {
            // A Retry-After is waited for.
            time.advance(by: .seconds(1))
            await Task.yield()
        }
        #expect(try await patient.value == "t2")
    }

    /// Callers with as much time as the first one have its failure for theirs.
    @Test(arguments: [
        BrokerError.unreachable(place, cause: "connection refused"),
        .tryLater(.serverAsked(place), after: .seconds(1)), .noAnswer(place), .timedOut,
    ])
    func manyCallersFailWithOneRequest(failure: BrokerError) async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let callers = (0..<30).map { number in
            Task {
                let demand = self.demand(within: .seconds(30) + .milliseconds(number))
                _ = try? await self.cache.token(for: self.key(), demand) { [requests] _ in
                    _ = requests.increment()
                    for await _ in gate { break }
                    return .failure(failure)
                }
            }
        }
        while requests.count == 0 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(50))
        open.finish()
        for caller in callers { await caller.value }
        #expect(requests.count == 1)
    }

    /// A success with other scopes, or a change of the credential, does not undo what the server asked for.
    @Test func aRetryAfterOutlivesWhatElseHappens() async throws {
        let later = BrokerError.tryLater(.serverAsked(Self.place), after: .seconds(120))
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let other = Task {
            try await self.cache.token(for: self.key(scopes: ["x"]), self.demand()) {
                [requests] _ in
                let number = requests.increment()
                for await _ in gate { break }
                return .success(self.token(number))
            }
        }
        while requests.count == 0 { await Task.yield() }
        _ = await fail(later)
        open.finish()
        _ = try await other.value
        await cache.remove(credential: [1])
        #expect(await fail(later) == later)
        #expect(requests.count == 2)
    }

    /// Requests that were under way together are refused together: one refusal, one minute.
    @Test func aWaveOfRefusalsPausesOnce() async throws {
        let refused = BrokerError.oauth(
            .refused(.invalidClient, description: nil, status: 401), Self.place)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    _ = try? await self.cache.token(
                        for: self.key(scopes: ["s\(number)"]), self.demand()
                    ) { [requests] _ in
                        _ = requests.increment()
                        for await _ in gate { break }
                        return .failure(refused)
                    }
                }
            }
            while requests.count < 5 { await Task.yield() }
            time.advance(by: .seconds(1))
            open.finish()
        }
        #expect(await fail(refused) == .paused(refused, until: 1_800_000_000.0 + 60))
    }

    @Test func thePauseIsAnHourAtMost() async {
        let refused = BrokerError.oauth(.refusedWithoutCode(status: 401), Self.place)
        _ = await fail(refused)
        for _ in 0..<9 {
            _ = await fail(refused, demand(fresh: true))
            time.advance(by: .milliseconds(1))
        }
        time.advance(by: .seconds(3599))
        guard case .paused? = await fail(refused) else {
            Issue.record("not paused")
            return
        }
        time.advance(by: .seconds(2))
        #expect(await fail(refused) == refused)
    }

    @Test func repeatsCountAsRequests() async throws {
        let credential = key().credential
        _ = try await cache.token(for: key(), demand(administrator: false)) { [requests, cache] _ in
            for _ in 1..<RequestBudget.requestsPerMinute { await cache.noteRepeat(credential) }
            return .success(self.token(requests.increment()))
        }
        await #expect(throws: BrokerError.tryLater(.budget, after: .seconds(60))) {
            _ = try await self.get(self.key(scopes: ["x"]), self.demand(administrator: false))
        }
    }

    @Test func whatHasEndedIsForgotten() async throws {
        for number in 0..<50 {
            _ = try await get(key(scopes: ["s\(number)"]), lifetime: .seconds(10))
        }
        #expect(await cache.count == 50)
        time.advance(by: .seconds(9))
        await cache.prune()
        #expect(await cache.count == 50)
        time.advance(by: .seconds(1))
        await cache.prune()
        #expect(await cache.count == 0)
    }
}
