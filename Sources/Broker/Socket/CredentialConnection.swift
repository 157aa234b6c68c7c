internal import Host
internal import Logging
internal import NIOCore

/// One connection at the socket for `LoadCredential=`: whoever is systemd, and starts a unit that is allowed,
/// gets the bare token; anybody else the end of the connection, without a byte.
///
/// Nothing that comes is read. Lives on the connection's event loop.
final class CredentialConnection: ChannelInboundHandler, ConnectionRegistry.Member {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a connection may last, the token request included.
    static let deadline = TimeAmount.seconds(10)

    private let caller: Caller
    private let address: UnitAddress?
    private let registry: ConnectionRegistry
    private let desk: Desk
    private let logger: Logger
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var task: Task<Void, Never>?

    init(
        caller: Caller, address: UnitAddress?, registry: ConnectionRegistry, desk: Desk,
        logger: Logger
    ) {
        self.caller = caller
        self.address = address
        self.registry = registry
        self.desk = desk
        self.logger = logger
    }

    /// Prepares a connection's channel.
    static func prepare(_ desk: Desk, _ logger: Logger) -> Listener.Preparation {
        Listener.Preparation(policy: desk.access.policy, readsProcess: true) {
            channel, caller, registry in
            // systemd sends nothing, and ends its half of the connection at once.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
            let connection = CredentialConnection(
                caller: caller,
                address: UnitAddress(PeerCredentials.address(of: channel)), registry: registry,
                desk: desk, logger: logger)
            try channel.pipeline.syncOperations.addHandler(connection)
        }
    }

    var isAnswering: Bool { task != nil }

    func close() {
        context?.close(promise: nil)
    }

    // It ends by itself, in time.
    func closeWhenIdle() {}
    let deadline: NIODeadline? = nil
    func expire(at now: NIODeadline) {}

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        registry.add(self, of: registry.owner(of: caller))
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        registry.remove(self, of: registry.owner(of: caller))
        timer?.cancel()
        task?.cancel()
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }

    private func begin() {
        guard let context, task == nil else { return }
        guard let address, address.isTrue(of: caller) else {
            logger.notice(
                "refused a connection that is not systemd's for a unit",
                metadata: ["uid": "\(caller.uid)", "pid": "\(caller.pid)"])
            // Not here: the trail waits for the disk.
            task = Task { [desk, caller] in
                desk.keeper.audit.refused(
                    AuditEvent(.refused, by: caller, reason: "not_the_unit"))
            }
            return close()
        }
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: Self.deadline) { connection.value.close() }
        task = Task { [desk, logger, caller] in
            var bytes: [UInt8] = []
            do throws(BrokerError) {
                bytes = try await desk.credentialToken(address.name, for: caller)
            } catch {
                // By its kind alone: the words have names, and what a server says.
                var metadata: Logger.Metadata = [
                    "unit": "\(address.unit)", "problem": "\(Problem(error).type)",
                ]
                if let record = await desk.recordID(named: address.name) {
                    metadata["record"] = "\(LineBuilder.hex(record))"
                }
                logger.notice("no token for a unit", metadata: metadata)
            }
            let token = bytes
            connection.eventLoop.execute { connection.value.end(with: token) }
        }
    }

    private func end(with token: [UInt8]) {
        guard let context else { return }
        guard !token.isEmpty else { return close() }
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: token))).whenComplete { _ in
            connection.value.close()
        }
    }
}
