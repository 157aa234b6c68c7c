import Synchronization
import Testing

@testable import Broker
@testable import OAuth

/// Successors that the cache gets by itself, and what stands in where there are none.
struct TokenRefreshTests {
    private let time = ManualClock()
    private let metrics = Metrics()
    private let cache: TokenCache
    private let server = Server()
    private let start: ContinuousClock.Instant

    /// What the server does, and how often it was asked.
    private final class Server: Sendable {
        struct State {
            var count = 0
            var failure: BrokerError?
            var lifetime = Duration.seconds(3600)
            var deadlines: [ContinuousClock.Instant] = []
        }
        let state = Mutex(State())
        var count: Int { state.withLock(\.count) }
        func fails(_ error: BrokerError?) { state.withLock { $0.failure = error } }
        func lives(_ lifetime: Duration) { state.withLock { $0.lifetime = lifetime } }
    }

    /// A refresh at the middle of its range: after 82.5 % of the usual time.
    init() {
        cache = TokenCache(clock: time.clock, metrics: metrics, jitter: { 0.5 })
        start = time.now
    }

    private static let place = BrokerError.Endpoint(credential: "a", host: "h", hasProxy: false)
    private static let down = BrokerError.unreachable(place, cause: "connection refused")
    private static let refused = BrokerError.oauth(
        .refused(.invalidClient, description: nil, status: 401), place)
    // 0.825 × (3600 − 60) s
    private static let toRefresh = Duration.milliseconds(2_920_500)

    private func key(_ id: UInt8 = 1, scope: String = "s") -> TokenKey {
        TokenKey(
            credential: CredentialRevision(id: [id], revision: 1), scopes: [scope], audience: nil,
            resources: [])
    }

    private func ask(
        _ key: TokenKey? = nil, fresh: Bool = false, minimum: Duration? = nil,
        within: Duration = .seconds(30), administrator: Bool = true
    ) async throws(BrokerError) -> String {
        let demand = TokenDemand(
            minimumValidity: minimum, isFresh: fresh, deadline: time.now + within,
            isAdministrator: administrator)
        return try await cache.token(for: key ?? self.key(), demand) { [server, time] deadline in
            server.state.withLock { state in
                state.count += 1
                state.deadlines.append(deadline)
                if let failure = state.failure { return .failure(failure) }
                return .success(
                    Token(
                        accessToken: "t\(state.count)", tokenType: "Bearer", scope: nil,
                        requestedAt: time.now, lifetime: state.lifetime))
            }
        }.accessToken
    }

    private func failure(_ body: () async throws(BrokerError) -> String) async -> BrokerError? {
        do throws(BrokerError) {
            _ = try await body()
            return nil
        } catch { return error }
    }

    /// Waits until whatever is due has been done, but for requests that a test holds up.
    private func settle(underWay: Int = 0, waiting: Int? = nil) async {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if await cache.isSettled(underWay: underWay, waiting: waiting) { return }
            await Task.yield()
        }
        Issue.record("something goes on and on")
    }

    private func pass(_ duration: Duration, underWay: Int = 0) async {
        time.advance(by: duration)
        await settle(underWay: underWay)
    }

    @Test func aTokenInUseHasItsSuccessorBeforeItEnds() async throws {
        #expect(try await ask() == "t1")
        await pass(Self.toRefresh - .milliseconds(1))
        #expect(server.count == 1)
        await pass(.milliseconds(1))
        #expect(server.count == 2)
        #expect(try await ask() == "t2")
        await pass(Self.toRefresh)
        #expect(try await ask() == "t3")
        #expect(server.count == 3)
        #expect(
            server.state.withLock(\.deadlines).dropFirst().allSatisfy {
                $0 > time.now - Self.toRefresh
            })
    }

    /// Whatever its lifetime and the jitter, it comes before anybody who asks for nothing special would notice,
    /// and for tokens that live a minute or more, not within the half minute of the bound.
    @Test(
        arguments: [2, 10, 45, 59, 60, 61, 70, 90, 119, 120, 150, 300, 3600, 86_400], [0.0, 0.5, 1])
    func aRefreshIsInTime(lifetime: Int, jitter: Double) throws {
        let wait = try #require(waitForRefresh(.seconds(lifetime), jitter))
        let usual = Duration.seconds(lifetime) - min(.seconds(60), .seconds(lifetime) / 2)
        #expect(wait <= usual)
        #expect(wait >= usual * 0.75)
        if lifetime >= 60 { #expect(wait >= RequestBudget.pauseBetweenRequests) }
    }

    private func waitForRefresh(_ lifetime: Duration, _ jitter: Double) -> Duration? {
        let token = Token(
            accessToken: "t", tokenType: "Bearer", scope: nil, requestedAt: start,
            lifetime: lifetime)
        let kept = KeptToken(
            token, isWanted: true, request: { _ in .failure(.locked) }, jitter: jitter)
        return kept?.refreshTime(at: start).map { $0 - start }
    }

    @Test func refreshesAreSpread() {
        let waits = (0...10).compactMap { waitForRefresh(.seconds(3600), Double($0) / 10) }
        #expect(waits == waits.sorted() && Set(waits).count == 11)
        #expect(waits[0].seconds.rounded() == 2655 && waits[10].seconds.rounded() == 3186)
    }

    @Test func aTokenThatNobodyAskedForSinceIsLeftToEnd() async throws {
        #expect(try await ask() == "t1")
        await pass(Self.toRefresh)
        #expect(server.count == 2)
        for _ in 0..<4 { await pass(.seconds(1000)) }
        #expect(server.count == 2)
        #expect(try await ask() == "t3")
    }

    /// Asked for after its time for a refresh: then at once, and in the background.
    @Test func aTokenThatIsAskedForLateIsRefreshedThen() async throws {
        #expect(try await ask() == "t1")
        await pass(Self.toRefresh)
        #expect(server.count == 2)
        await pass(.seconds(3300))
        #expect(server.count == 2)
        #expect(try await ask() == "t2")
        await settle()
        #expect(server.count == 3)
        #expect(try await ask() == "t3")
    }

    @Test(arguments: [
        down, .noAnswer(place), .untrusted(place, .expired),
        .oauth(.serverFailed(status: 503, code: nil), place),
        .oauth(.notJSON(status: 200, isHTML: true), place),
        .tryLater(.serverAsked(place), after: .seconds(3600)), refused,
    ])
    func noTroubleTakesATokenAwayBeforeItsEnd(trouble: BrokerError) async throws {
        #expect(try await ask() == "t1")
        server.fails(trouble)
        await pass(Self.toRefresh)
        #expect(server.count == 2)
        for left in [600, 59, 30, 1] {
            await pass(.seconds(3600) - .seconds(left) - (time.now - start))
            #expect(try await ask() == "t1", "with \(left) s left")
        }
        await pass(.seconds(1))
        #expect(await failure { () throws(BrokerError) in try await ask() } != nil)
    }

    /// Whoever says what it needs gets that, or hears why not.
    @Test func aSpecialDemandIsNotMetByLess() async throws {
        #expect(try await ask() == "t1")
        server.fails(Self.down)
        await pass(.seconds(3595))
        #expect(
            await failure { () throws(BrokerError) in try await ask(minimum: .seconds(60)) }
                == Self.down)
        #expect(await failure { () throws(BrokerError) in try await ask(fresh: true) } == Self.down)
        #expect(try await ask(minimum: .seconds(5)) == "t1")
        #expect(try await ask() == "t1")
    }

    /// While the server is down, nobody waits for it but the refresh.
    @Test func whileTheServerIsDownItIsNotAskedForEveryCaller() async throws {
        #expect(try await ask() == "t1")
        server.fails(Self.down)
        await pass(.seconds(3550))
        #expect(try await ask() == "t1")
        let count = server.count
        for _ in 0..<50 { #expect(try await ask() == "t1") }
        #expect(server.count == count)
        server.fails(nil)
        await pass(.seconds(46))
        #expect(try await ask() == "t\(count + 1)")
    }

    @Test func failuresAreRepeatedLessAndLess() async throws {
        #expect(try await ask() == "t1")
        server.fails(Self.down)
        await pass(Self.toRefresh)
        var waits: [Int] = []
        var last = 0
        for second in 1...670 {
            let before = server.count
            await pass(.seconds(1))
            if server.count > before {
                waits.append(second - last)
                last = second
            }
        }
        // 30 s, doubled each time, and a quarter more by the jitter.
        #expect(waits == [38, 75, 150, 300])
    }

    @Test func aServerThatHangsCostsNobodyTheToken() async throws {
        #expect(try await ask() == "t1")
        await pass(.seconds(2000))
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let hanging = Task {
            let demand = TokenDemand(
                isFresh: true, deadline: time.now + .seconds(30), isAdministrator: true)
            return await failure { () throws(BrokerError) in
                try await cache.token(for: key(), demand) { _ in
                    for await _ in gate { break }
                    return .failure(.noAnswer(Self.place))
                }.accessToken
            }
        }
        await settle(underWay: 1, waiting: 1)
        await pass(.seconds(1550), underWay: 1)
        #expect(await hanging.value == .timedOut)
        let patient = Task { try? await ask(within: .seconds(300)) }
        await settle(underWay: 1, waiting: 1)
        // The token's last second is for its use.
        await pass(.seconds(49), underWay: 1)
        #expect(await patient.value == "t1")
        #expect(server.count == 1)
        open.finish()
    }

    @Test func aRefusedClientIsNotAskedForInItsPause() async throws {
        #expect(try await ask() == "t1")
        await pass(.seconds(10))
        #expect(try await ask(key(scope: "x")) == "t2")
        server.fails(Self.refused)
        await pass(Self.toRefresh - .seconds(10))
        #expect(server.count == 3)
        server.fails(nil)
        // The other token's time has come, but it is the same client's.
        await pass(.seconds(59))
        #expect(server.count == 3)
        #expect(try await ask(key(scope: "x")) == "t2")
        await pass(.seconds(3))
        #expect(server.count == 4)
        #expect(try await ask(key(scope: "x")) == "t4")
        #expect(try await ask() == "t1")
    }

    @Test func aRetryAfterIsWaitedFor() async throws {
        #expect(try await ask() == "t1")
        server.fails(.tryLater(.serverAsked(Self.place), after: .seconds(300)))
        await pass(Self.toRefresh)
        #expect(server.count == 2)
        server.fails(nil)
        await pass(.seconds(299))
        #expect(server.count == 2)
        await pass(.seconds(3))
        #expect(server.count == 3)
        #expect(try await ask() == "t3")
    }

    /// Half of the budget is left for callers, and what is refreshed counts for them.
    @Test func refreshesKeepToHalfOfTheBudget() async throws {
        for number in 0..<50 { _ = try await ask(key(scope: "\(number)")) }
        await pass(Self.toRefresh)
        #expect(server.count == 55)
        for _ in 0..<15 { await pass(.seconds(2)) }
        #expect(server.count == 50 + RequestBudget.requestsPerMinute / 2)
        for _ in 0..<90 { await pass(.seconds(2)) }
        #expect(server.count == 100)
    }

    @Test func aRefreshCountsInTheBudget() async throws {
        #expect(try await ask() == "t1")
        await pass(Self.toRefresh)
        for number in 1..<RequestBudget.requestsPerMinute {
            _ = try await ask(key(scope: "\(number)"), administrator: false)
        }
        #expect(
            await failure { () throws(BrokerError) in
                try await ask(key(scope: "x"), administrator: false)
            } == .tryLater(.budget, after: .seconds(60)))
    }

    /// `fresh`, and more validity than any token has, in a loop, with refreshes going on.
    @Test(arguments: [true, false], [60, 120, 3600])
    func othersCauseOneRequestInThirtySeconds(fresh: Bool, lifetime: Int) async throws {
        server.lives(.seconds(lifetime))
        var times: [Int] = []
        for second in 0..<300 {
            let before = server.count
            _ = try await ask(
                fresh: fresh, minimum: fresh ? nil : .seconds(lifetime * 2), administrator: false)
            await settle()
            if server.count > before {
                times += Array(repeating: second, count: server.count - before)
            }
            time.advance(by: .seconds(1))
        }
        await settle()
        #expect(times.count >= 9)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 30 }, "\(times)")
    }

    @Test func lockingEndsRefreshes() async throws {
        #expect(try await ask() == "t1")
        await cache.removeAll()
        await pass(Self.toRefresh)
        #expect(server.count == 1)
    }

    @Test func aChangedCredentialIsNotRefreshed() async throws {
        #expect(try await ask() == "t1")
        #expect(try await ask(key(2)) == "t2")
        await cache.remove(credential: [1])
        await pass(Self.toRefresh)
        #expect(server.count == 3)
        #expect(try await ask(key(2)) == "t3")
    }

    /// The vault was locked by its own clock, or the credential is another one by now.
    @Test(arguments: [
        BrokerError.locked, .tryLater(.credentialChanged, after: nil),
        .vault(.noSuchCredential(name: "a")),
    ])
    func whatCannotBeAskedAnyMoreIsLeft(error: BrokerError) async throws {
        #expect(try await ask() == "t1")
        server.fails(error)
        await pass(Self.toRefresh)
        #expect(server.count == 2)
        server.fails(nil)
        await pass(.seconds(600))
        #expect(server.count == 2)
    }

    @Test func callersJoinARefresh() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let count = Mutex(0)
        let request: TokenCache.Request = { [time] _ in
            let number = count.withLock { value in
                value += 1
                return value
            }
            if number > 1 { for await _ in gate { break } }
            return .success(
                Token(
                    accessToken: "t\(number)", tokenType: "Bearer", scope: nil,
                    requestedAt: time.now, lifetime: .seconds(3600)))
        }
        func ask(fresh: Bool = false) async throws -> String {
            let demand = TokenDemand(
                isFresh: fresh, deadline: time.now + .seconds(30), isAdministrator: true)
            return try await cache.token(for: key(), demand, request: request).accessToken
        }
        #expect(try await ask() == "t1")
        await pass(Self.toRefresh, underWay: 1)
        #expect(try await ask() == "t1")
        let callers = (0..<20).map { _ in Task { try await ask(fresh: true) } }
        await settle(underWay: 1, waiting: 20)
        open.finish()
        for caller in callers { #expect(try await caller.value == "t2") }
        #expect(count.withLock(\.self) == 2)
    }

    /// A caller with a second to spare says nothing of the server.
    @Test func aHurriedCallersFailureIsNotTheServers() async throws {
        #expect(try await ask() == "t1")
        server.fails(.noAnswer(Self.place))
        await pass(.seconds(600))
        #expect(
            await failure { () throws(BrokerError) in
                try await ask(fresh: true, within: .seconds(1))
            } == .noAnswer(Self.place))
        server.fails(nil)
        await pass(Self.toRefresh - .seconds(600))
        #expect(try await ask() == "t3")
    }

    @Test func whatIsPaidOutOfTheCacheIsCounted() async throws {
        _ = try await ask()
        #expect(metrics.cacheHits == 0)
        _ = try await ask()
        _ = try await ask(fresh: true)
        _ = try await ask()
        #expect(metrics.cacheHits == 2)
    }
}

extension TokenCache {
    /// Whether no alarm has yet to go off, and so many requests are under way, with so many waiting.
    fileprivate func isSettled(underWay: Int, waiting: Int?) -> Bool {
        guard alarm.map({ $0.time > clock.now() }) ?? true, flights.count == underWay else {
            return false
        }
        let waiters = flights.values.reduce(0) { $0 + $1.waiters.count }
        return waiting.map { $0 == waiters } ?? true
    }
}
