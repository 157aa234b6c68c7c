internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The broker's Unix socket: bound in a folder that only its owner can write.
final class Listener: Sendable {
    /// Where it listens.
    let path: String
    private let channel: any Channel
    private let registry: NIOLoopBound<ConnectionRegistry>
    private let identity: FileIdentity

    private init(
        path: String, channel: any Channel, registry: NIOLoopBound<ConnectionRegistry>,
        identity: FileIdentity
    ) {
        self.path = path
        self.channel = channel
        self.registry = registry
        self.identity = identity
    }

    /// Binds the socket; whatever socket is in its place is stale, for the vault's lock is held.
    ///
    /// - Parameters:
    ///   - path: at most 107 bytes; its folder is made (0700) if it is not there.
    ///   - desk: answers what comes.
    ///   - policy: who may ask.
    ///   - group: one event loop.
    ///   - deadlines: how long connections may take.
    /// - Returns: the listener, accepting.
    /// - Throws: ``HostError`` for a path that is not safe or can't be bound.
    static func bind(
        at path: String, desk: Desk, policy: CallerPolicy, group: MultiThreadedEventLoopGroup,
        deadlines: ConnectionHandler.Deadlines = .init()
    ) async throws -> Listener {
        try SocketPlace.prepare(path)
        let loop = group.next()
        let registry = try await loop.submit {
            NIOLoopBound(ConnectionRegistry(), eventLoop: loop)
        }.get()
        let channel = try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try Self.configure(
                        child, desk: desk, policy: policy, registry: registry.value,
                        deadlines: deadlines)
                }
            }
            .bind(unixDomainSocketPath: path).get()
        do {
            try SocketPlace.makePrivate(path)
            return Listener(
                path: path, channel: channel, registry: registry,
                identity: try SocketPlace.identity(path))
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// Whether the path still leads here: a logout removes the folder, another program may have bound.
    var isInPlace: Bool {
        (try? SocketPlace.identity(path)) == identity
    }

    /// Stops accepting, lets requests under way end, and removes the socket if it is in place.
    func close(within grace: Duration) async {
        if isInPlace { SocketPlace.remove(path) }
        await abandon(within: grace)
    }

    /// The same, but the path is left alone: what is there, if anything, is somebody else's.
    func abandon(within grace: Duration) async {
        try? await channel.close()
        let registry = registry
        let loop = channel.eventLoop
        let end = ContinuousClock.now + grace
        _ = try? await loop.submit { registry.value.closeWhenIdle() }.get()
        while ContinuousClock.now < end {
            let count = try? await loop.submit { registry.value.count }.get()
            if count ?? 0 == 0 { return }
            try? await ContinuousClock().sleep(for: .milliseconds(10))
        }
    }

    private static func configure(
        _ channel: any Channel, desk: Desk, policy: CallerPolicy, registry: ConnectionRegistry,
        deadlines: ConnectionHandler.Deadlines
    ) throws {
        let caller = PeerCredentials.of(channel, readsProcess: policy.needsRules)
        let connection = ConnectionHandler(
            caller: caller, policy: policy, registry: registry, desk: desk,
            deadlines: deadlines)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = HeadGate.limit
        limits.maxHeaderListSize = HeadGate.limit
        limits.maxHeaderFieldCount = 100
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HeadGate(connection: connection))
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: false,
            withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: limits)
        try pipeline.addHandler(connection)
    }
}
