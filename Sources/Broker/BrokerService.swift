internal import Host
package import Logging
internal import NIOPosix
package import ServiceLifecycle
internal import Sodium
internal import Vault

/// A running broker: holds the vault's lock, listens, and ends when it is told to or idle.
public struct BrokerService: Service {
    private let configuration: Configuration
    private let logger: Logger
    private let onReady: @Sendable () -> Void

    /// How long requests under way may still take when the broker ends.
    private static let grace = Duration.seconds(5)
    /// How often the socket's place is looked at.
    private static let round = Duration.seconds(5)

    /// - Parameters:
    ///   - configuration: what to serve, and where.
    ///   - logger: takes what happens; never a secret or a token.
    ///   - onReady: called once, when the socket accepts.
    package init(
        configuration: Configuration, logger: Logger, onReady: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onReady = onReady
    }

    /// Runs until a signal, a request to stop, or idleness ends it.
    ///
    /// - Throws: ``BrokerError`` if it can't start.
    public func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        do {
            try await serve(group, threads)
        } catch {
            try? await threads.shutdownGracefully()
            try? await group.shutdownGracefully()
            throw error
        }
        try? await threads.shutdownGracefully()
        try? await group.shutdownGracefully()
    }

    private func serve(
        _ group: MultiThreadedEventLoopGroup, _ threads: NIOThreadPool
    ) async throws {
        let clock = BrokerClock.system
        let location = VaultLocation(
            file: configuration.vaultFile, stateFolder: configuration.stateFolder)
        let fileLock = try lock()
        let keeper = try VaultKeeper(
            location: location, fileLock: fileLock, threads: threads, clock: clock)
        let endpoint = TokenEndpoint(group: group, defaultProxy: configuration.proxy)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let desk = Desk(
            vaultPath: configuration.vaultFile, socketPath: configuration.socketPath,
            keeper: keeper, cache: TokenCache(clock: clock),
            requester: TokenRequester(endpoint: endpoint, clock: clock), clock: clock, stop: stop)
        let policy = OwnerPolicy(owner: ProcessIdentity.uid)
        var listener = try await listen(
            at: configuration.socketPath, desk, policy, group)
        logger.info("listening", metadata: ["socket": "\(listener.path)"])
        onReady()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await _ in stops { return } }
            tasks.addTask { try? await gracefulShutdown() }
            tasks.addTask { await self.waitUntilIdle(desk, keeper, clock) }
            tasks.addTask { [listener] in
                // Replaced below where the socket's path goes.
                _ = listener
            }
            await tasks.next()
            tasks.cancelAll()
        }
        logger.info("ending")
        await listener.close(within: Self.grace)
        await desk.lock()
        await endpoint.shutdown()
        try await keeper.close()
        withExtendedLifetime(fileLock) {}
    }
}
