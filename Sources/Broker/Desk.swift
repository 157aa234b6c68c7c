internal import NIOCore
internal import NIOHTTP1
internal import OAuth
internal import Sodium
internal import Synchronization
internal import Vault

/// Answers whole requests: the broker's parts, put together.
package final class Desk: Sendable {
    /// The vault that is served.
    package let vaultPath: String
    let keeper: VaultKeeper
    let cache: TokenCache
    let requester: TokenRequester
    let access: Access
    let clock: BrokerClock
    /// What is counted for `GET /metrics`.
    package let metrics: Metrics
    let socketPath: Mutex<String>
    private let activity: Mutex<Activity>
    let stop: AsyncStream<Void>.Continuation

    /// What keeps an idle broker from ending.
    private struct Activity {
        var last: ContinuousClock.Instant
        var underWay = 0
    }

    static let longestTimeout = Duration.seconds(600)
    /// What takes longer was no look into the cache.
    static let longestCacheLookUp = Duration.milliseconds(50)
    static let usualTimeout = Duration.seconds(30)

    package init(
        vaultPath: String, socketPath: String, keeper: VaultKeeper, cache: TokenCache,
        requester: TokenRequester, access: Access, metrics: Metrics, clock: BrokerClock,
        stop: AsyncStream<Void>.Continuation
    ) {
        self.vaultPath = vaultPath
        self.socketPath = Mutex(socketPath)
        self.keeper = keeper
        self.cache = cache
        self.requester = requester
        self.access = access
        self.metrics = metrics
        self.clock = clock
        self.stop = stop
        activity = Mutex(Activity(last: clock.now()))
    }

    /// How long nobody has asked for anything; zero while a request is under way.
    package func idleTime(at now: ContinuousClock.Instant) -> Duration {
        activity.withLock { $0.underWay > 0 ? .zero : now - $0.last }
    }

    /// Notes that the socket is elsewhere now.
    package func note(socketPath path: String) {
        socketPath.withLock { $0 = path }
    }

    /// Forgets the master key and every token.
    ///
    /// - Parameter event: why, for the audit trail.
    package func lock(_ event: AuditEvent = AuditEvent(.lock)) async {
        await keeper.lock(event)
        await cache.removeAll()
    }

    /// Tells all who wait for a token that there will be none: the broker is ending.
    package func endRequests() async {
        await cache.removeAll(telling: .tryLater(.stopping, after: nil))
    }

    /// Forgets the tokens once `unlock --for` has run out, and what else has had its time.
    package func tidy() async {
        if await keeper.isLocked { await cache.removeAll() }
        await cache.prune()
        access.limits.prune(at: clock.now())
        keeper.audit.tidy()
        if let point = keeper.audit.dueCheckpoint() { await keeper.seal(point) }
    }

    func answer(_ request: Request) async -> Answer {
        activity.withLock { $0.underWay += 1 }
        defer {
            let now = clock.now()
            activity.withLock { activity in
                activity.underWay -= 1
                activity.last = now
            }
        }
        let beganAt = clock.now()
        do throws(BrokerError) {
            return try await self.answer(to: request)
        } catch {
            await noteRefusal(error, of: request.caller)
            metrics.noteDenial(in: error)
            if case .refusedToken = error {
                request.makesWay()
                await waitForTheEndOfARefusal(since: beganAt)
            }
            return problem(error, isAdministrator: request.isAdministrator).answer
        }
    }

    private func answer(to request: Request) async throws(BrokerError) -> Answer {
        switch request.route {
        case .token(let name): try await token(name, request)
        case .status: await .json(.ok, status(request))
        case .credentials: try await credentials(request)
        case .credential(let name): try await credential(name)
        case .putCredential(let name): try await put(name, request)
        case .removeCredential(let name): try await remove(name, request)
        case .allow(let name): try await allow(name, request)
        case .disallow(let name): try await disallow(name, request)
        case .explain(let name): try await explain(name, request)
        case .unlock: try await unlock(request)
        case .lock: await locked(request)
        case .createVault: try await createVault(request)
        case .changePassphrase: try await changePassphrase(request)
        case .check: try await check(request)
        case .doctor: try await doctor(request)
        case .stop: stopped()
        case .audit: try await audit(request)
        case .auditSearch: try await auditSearch(request)
        case .metrics: await metricsText()
        }
    }
}
