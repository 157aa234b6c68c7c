internal import Host
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import UnixSignals
internal import Vault

/// A running broker: holds the vault's lock, listens, and ends when it is told to or idle.
package struct BrokerService: Service {
    let configuration: Configuration
    let sockets: SystemSockets?
    let manager: ServiceManager?
    let logger: Logger
    private let onReady: @Sendable () -> Void

    /// How long requests under way may still take when the broker ends.
    private static let grace = Duration.seconds(5)
    /// How long before that those who still wait are told.
    private static let lastWord = Duration.milliseconds(500)
    /// How often the socket's place and the clocks are looked at.
    private static let round = Duration.seconds(2)

    /// A broker that does not run yet.
    ///
    /// - Parameters:
    ///   - configuration: what to serve, and where.
    ///   - sockets: a system broker's; nil for a user's own, which binds its socket itself.
    ///   - manager: the service manager that wants to hear how it goes.
    ///   - logger: takes what happens; never a secret or a token.
    ///   - onReady: called once, when the socket accepts.
    init(
        configuration: Configuration, sockets: SystemSockets?, manager: ServiceManager?,
        logger: Logger, onReady: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.sockets = sockets
        self.manager = manager
        self.logger = logger
        self.onReady = onReady
    }

    /// Runs until a signal, a request to stop, or idleness ends it.
    ///
    /// - Throws: ``BrokerError`` or `HostError` if it can't start, or can't close the vault.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: 1)
        // One that hangs is lost for as long, and one hangs for each account at most.
        let nameThreads = NIOThreadPool(numberOfThreads: configuration.isSystem ? 32 : 1)
        // One for whoever reads a whole trail, and one for who reads a page of it.
        let trailThreads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        nameThreads.start()
        trailThreads.start()
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(group, threads, nameThreads, trailThreads))
        } catch {
            result = .failure(error)
        }
        try? await threads.shutdownGracefully()
        // Not waited for: a look-up of the name services may hang.
        nameThreads.shutdownGracefully { _ in }
        // Nor this: whoever reads a whole trail takes minutes.
        trailThreads.shutdownGracefully { _ in }
        try? await group.shutdownGracefully()
        try result.get()
    }

    private func serve(
        _ group: MultiThreadedEventLoopGroup, _ threads: NIOThreadPool,
        _ nameThreads: NIOThreadPool, _ trailThreads: NIOThreadPool
    ) async throws {
        let clock = BrokerClock.system
        // A terminal that goes ends a broker that somebody started there; nothing of the kind ends a service.
        let hangups =
            configuration.isSystem ? await UnixSignalsSequence(trapping: .sighup) : nil
        // Before the socket: whoever holds the lock knows that a socket in its place is stale.
        let fileLock = try lock()
        let keeper = try VaultKeeper(
            location: VaultLocation(
                file: configuration.vaultFile, stateFolder: configuration.stateFolder),
            fileLock: fileLock, threads: threads, trailThreads: trailThreads,
            trailLimits: configuration.isSystem ? .machine : TrailLimits(), clock: clock)
        let endpoint = TokenEndpoint(group: group, defaultProxy: configuration.proxy)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let metrics = Metrics()
        let desk = Desk(
            vaultPath: configuration.vaultFile, socketPath: configuration.socketPath,
            keeper: keeper, cache: TokenCache(clock: clock, metrics: metrics),
            requester: TokenRequester(endpoint: endpoint, clock: clock),
            access: Access(
                policy: configuration.isSystem
                    ? .machine(MachineGroups()) : .owner(uid: ProcessIdentity.uid),
                accounts: Accounts(clock: clock, threads: nameThreads)),
            metrics: metrics, clock: clock, stop: stop)
        let place = SocketKeeper(
            path: configuration.socketPath, inherited: sockets?.broker, desk: desk,
            keeper: keeper, group: group, logger: logger)
        await desk.access.refreshGroups()
        if configuration.isSystem { keeper.audit.mirror(to: logger) }
        keeper.audit.note(AuditEvent(.start))
        if configuration.isSystem { await unlockAtStart(desk) }
        try await place.bind()
        let credentials = try await listenForUnits(desk, group)
        logger.info("listening", metadata: ["socket": "\(configuration.socketPath)"])
        manager?.notify(.ready)
        onReady()
        await waitForEnd(desk, keeper, place, group, stops, hangups)
        manager?.notify(.stopping)
        logger.info("ending")
        keeper.audit.end()
        let lastWord = Task {
            try await clock.sleep(clock.now() + Self.grace - Self.lastWord)
            await desk.endRequests()
        }
        async let units: Void? = credentials?.close(within: Self.grace)
        await place.close(within: Self.grace)
        _ = await units
        lastWord.cancel()
        await desk.lock(AuditEvent(.stop))
        await endpoint.shutdown()
        try await keeper.close()
    }

    private func lock() throws(BrokerError) -> VaultLock {
        do {
            return try VaultLock.acquire(
                for: configuration.vaultFile, socket: configuration.socketPath)
        } catch {
            throw .vault(error)
        }
    }

    private func waitForEnd(
        _ desk: Desk, _ keeper: VaultKeeper, _ place: SocketKeeper,
        _ group: MultiThreadedEventLoopGroup, _ stops: AsyncStream<Void>,
        _ hangups: UnixSignalsSequence?
    ) async {
        let clock = desk.clock
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await _ in stops { return } }
            tasks.addTask { try? await gracefulShutdown() }
            if manager?.watchdogTime != nil {
                tasks.addTask { await self.calmWatchdog(group, keeper) }
            }
            if let hangups { tasks.addTask { await self.reload(desk, at: hangups) } }
            tasks.addTask { await keeper.audit.run { await keeper.seal($0) } }
            tasks.addTask {
                while await !self.isIdle(desk, keeper, clock) {
                    await place.check()
                    await place.giveBackMemory()
                    await desk.tidy()
                    await desk.access.refreshGroups()
                    guard (try? await clock.sleep(clock.now() + Self.round)) != nil else {
                        return
                    }
                }
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    private func isIdle(
        _ desk: Desk, _ keeper: VaultKeeper, _ clock: BrokerClock
    ) async -> Bool {
        if configuration.isSystem { return false }
        let now = clock.now()
        if let until = await keeper.unlockedUntil, until > now { return false }
        return desk.idleTime(at: now) >= configuration.idle
    }
}
