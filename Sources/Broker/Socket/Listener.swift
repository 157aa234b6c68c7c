internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The broker's Unix socket: bound in a folder that only its owner can write, or handed over by systemd.
final class Listener: Sendable {
    /// Where it listens.
    let path: String
    private let source: Source
    private let registry: NIOLoopBound<ConnectionRegistry>

    /// Whose the socket is.
    private enum Source {
        case own(any Channel, FileIdentity)
        case inherited(InheritedListener)
    }

    /// What each connection of a socket gets.
    struct Preparation: Sendable {
        /// Who is an administrator, and gets in where it is full.
        let policy: CallerPolicy
        /// Whether a caller's unit and container matter.
        let readsProcess: Bool
        /// Puts the handlers of a connection into its channel's pipeline, on the event loop.
        let configure: @Sendable (any Channel, Caller, ConnectionRegistry) throws -> Void
    }

    // The kernel's end is all that who finds no room is told.
    private struct NoRoom: Error {}

    private init(
        path: String, source: Source, registry: NIOLoopBound<ConnectionRegistry>
    ) {
        self.path = path
        self.source = source
        self.registry = registry
    }

    /// Binds the socket; whatever socket is in its place is stale, for the vault's lock is held.
    ///
    /// - Parameters:
    ///   - path: at most 107 bytes; its folder is made (0700) if it is not there.
    ///   - group: one event loop.
    ///   - preparation: what each connection gets.
    /// - Returns: the listener, accepting.
    /// - Throws: ``HostError`` for a path that is not safe or can't be bound.
    static func bind(
        at path: String, group: MultiThreadedEventLoopGroup, preparation: Preparation
    ) async throws -> Listener {
        try SocketPlace.prepare(path)
        let loop = group.next()
        let registry = try await registry(loop, ConnectionLimits(), preparation.policy)
        let channel = try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { child in
                // One at a time: the kernel's queue is the bound of those that nobody has looked at.
                child.eventLoop.makeCompletedFuture {
                    let caller = PeerCredentials.of(
                        child, readsProcess: preparation.readsProcess)
                    guard registry.value.makeRoom(for: caller) else { throw NoRoom() }
                    try preparation.configure(child, caller, registry.value)
                }
            }
            .bind(unixDomainSocketPath: path).get()
        do {
            try SocketPlace.makePrivate(path)
            return Listener(
                path: path, source: .own(channel, try SocketPlace.identity(path)),
                registry: registry)
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// Serves a socket that systemd made: its mode, its place and its end are systemd's.
    ///
    /// - Returns: the listener, accepting.
    /// - Throws: ``HostError`` if the system has no more descriptors.
    static func adopt(
        _ socket: InheritedSocket, group: MultiThreadedEventLoopGroup,
        preparation: Preparation
    ) async throws -> Listener {
        let limits = ConnectionLimits()
        let registry = try await registry(group.next(), limits, preparation.policy)
        let listener = try InheritedListener(
            socket, registry: registry, limits: limits, preparation: preparation)
        return Listener(path: socket.path, source: .inherited(listener), registry: registry)
    }

    private static func registry(
        _ loop: any EventLoop, _ limits: ConnectionLimits, _ policy: CallerPolicy
    ) async throws -> NIOLoopBound<ConnectionRegistry> {
        try await loop.submit {
            NIOLoopBound(
                ConnectionRegistry(loop: loop, limits: limits, policy: policy), eventLoop: loop)
        }.get()
    }

    /// Whether the path still leads here: a logout removes the folder, another program may have bound.
    var isInPlace: Bool {
        switch source {
        case .own(_, let identity): (try? SocketPlace.identity(path)) == identity
        // The path is for systemd to keep.
        case .inherited: true
        }
    }

    /// Whether a crowd of connections has gone since this was asked last.
    func hasEmptied() async -> Bool {
        let registry = registry
        return (try? await registry.eventLoop.submit { registry.value.hasEmptied() }.get()) ?? false
    }

    /// Stops accepting, lets requests under way end, and removes the socket if it is this process's own and
    /// in place.
    func close(within grace: Duration) async {
        if case .own = source, isInPlace { SocketPlace.remove(path) }
        await abandon(within: grace)
    }

    /// The same, but the path is left alone: what is there, if anything, is somebody else's.
    func abandon(within grace: Duration) async {
        switch source {
        case .own(let channel, _): try? await channel.close()
        case .inherited(let listener): await listener.close()
        }
        let registry = registry
        let loop = registry.eventLoop
        let end = ContinuousClock.now + grace
        _ = try? await loop.submit { registry.value.closeWhenIdle() }.get()
        while ContinuousClock.now < end {
            let count = try? await loop.submit { registry.value.count }.get()
            if count ?? 0 == 0 { return }
            try? await ContinuousClock().sleep(for: .milliseconds(10))
        }
    }

    /// The HTTP interface.
    ///
    /// - Parameters:
    ///   - desk: answers what comes.
    ///   - policy: who may ask.
    ///   - deadlines: how long connections may take.
    /// - Returns: what each connection gets.
    static func http(
        desk: Desk, policy: CallerPolicy, deadlines: ConnectionHandler.Deadlines = .init()
    ) -> Preparation {
        Preparation(policy: policy, readsProcess: policy.needsRules) { channel, caller, registry in
            let connection = ConnectionHandler(
                caller: caller, policy: policy, registry: registry, desk: desk,
                deadlines: deadlines)
            try add(connection, to: channel)
        }
    }

    private static func add(_ connection: ConnectionHandler, to channel: any Channel) throws {
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
