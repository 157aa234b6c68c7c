internal import NIOCore
internal import NIOHTTP1

/// One connection: reads a request within its limits, has it answered, writes the answer.
///
/// Lives on the connection's event loop.
final class ConnectionHandler: ChannelInboundHandler, ConnectionRegistry.Member, Turns.Member {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a connection may be idle, a request may take to arrive, and an answer to be read.
    struct Deadlines: Sendable {
        var idle = TimeAmount.seconds(60)
        var request = TimeAmount.seconds(10)
        var answer = TimeAmount.seconds(10)
        /// How long a broker that ends waits for the first request of a connection.
        var firstRequest = TimeAmount.milliseconds(300)
    }

    private enum State {
        /// Nothing of a request is here.
        case idle
        /// Bytes of a request are here, but not its whole head.
        case head
        /// The head is accepted, the body is arriving.
        case body(Request, keepsAlive: Bool)
        /// The request was refused by its head; what is left of it is not read.
        case refused
        /// The whole request waits for its turn.
        case waiting(Request, keepsAlive: Bool)
        /// The answer is being made or written.
        case answering
    }

    /// What happens at the end of a time.
    private enum Expiry {
        case close
        case refuse(BrokerError)
    }

    private let caller: Caller
    private let policy: CallerPolicy
    private let registry: ConnectionRegistry
    private let owner: ConnectionRegistry.Owner
    private let desk: Desk
    private let deadlines: Deadlines
    private var state = State.idle
    private var expiry: (at: NIODeadline, action: Expiry)?
    // By when each answer that is on its way has to be read.
    private var unread: [NIODeadline] = []
    private var task: Task<Void, Never>?
    private var context: ChannelHandlerContext?
    private var closesNext = false
    private var hasAsked = false

    init(
        caller: Caller, policy: CallerPolicy, registry: ConnectionRegistry, desk: Desk,
        deadlines: Deadlines
    ) {
        self.caller = caller
        self.policy = policy
        self.registry = registry
        owner = registry.owner(of: caller)
        self.desk = desk
        self.deadlines = deadlines
    }

    var isAnswering: Bool {
        switch state {
        case .waiting, .answering: true
        case .idle, .head, .body, .refused: false
        }
    }

    func close() {
        context?.close(promise: nil)
    }

    func closeWhenIdle() {
        closesNext = true
        guard case .idle = state else { return }
        // Whoever has just connected is about to ask: its request may be on the way.
        if hasAsked { close() } else { expire(in: deadlines.firstRequest, .close) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        registry.add(self, of: owner)
        expire(in: deadlines.idle, .close)
    }

    func channelInactive(context: ChannelHandlerContext) {
        registry.remove(self, of: owner)
        registry.turns.end(self, of: owner)
        expiry = nil
        task?.cancel()
        self.context = nil
        context.fireChannelInactive()
    }

    /// Bytes have arrived: a request begins, if none was under way.
    func noteBytes() {
        guard case .idle = state else { return }
        hasAsked = true
        state = .head
        expire(in: deadlines.request, .refuse(.requestTimedOut))
    }

    /// Whether bytes that arrive belong to a head that is not whole yet.
    var isReadingHead: Bool {
        if case .head = state { true } else { false }
    }

    /// Refuses what is arriving, and ends the connection.
    ///
    /// - Parameters:
    ///   - error: why.
    ///   - asksForHead: whether the request was a HEAD, whose answers have no body.
    func refuse(_ error: BrokerError, asksForHead: Bool = false) {
        switch state {
        case .waiting, .answering, .refused: return
        case .idle, .head, .body: break
        }
        state = .refused
        guard let context,
            let gate = try? context.pipeline.syncOperations.context(
                handlerType: HeadGate.self)
        else { return close() }
        // As bytes: the pipeline lets no answer pass before a request is there.
        let isAdministrator = policy.standing(of: caller) == .administrator
        let answer = desk.problem(error, isAdministrator: isAdministrator).answer
        let bytes = answer.headBytes + (asksForHead ? [] : answer.body)
        gate.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
        written(closes: true)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let bytes): collect(bytes)
        case .end: finish()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is NIOHTTPDecoderError else { return close() }
        let isOverflow = (error as? HTTPParserError) == .headerOverflow
        refuse(
            isOverflow
                ? .tooLarge(what: "head", limit: HeadGate.limit)
                : .badRequest("the request is no HTTP/1.1"))
    }

    private func begin(_ head: HTTPRequestHead) {
        noteBytes()
        guard case .head = state else { return }
        do throws(BrokerError) {
            let request = try Request(
                head: head, caller: caller, policy: policy, vaultPath: desk.vaultPath)
            if head.headers["Expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                write(informational: .continue)
            }
            state = .body(request, keepsAlive: head.isKeepAlive)
        } catch {
            // Not here: the trail waits for the disk.
            task = Task { [desk, caller] in desk.noteRefusalOfHead(error, of: caller) }
            desk.metrics.noteDenial(in: error)
            refuse(error, asksForHead: head.method == .HEAD)
        }
    }

    private func collect(_ bytes: ByteBuffer) {
        guard case .body(var request, let keepsAlive) = state else { return }
        guard request.body.readableBytes + bytes.readableBytes <= request.route.bodyLimit else {
            return refuse(.tooLarge(what: "body", limit: request.route.bodyLimit))
        }
        // The copy in `state` must go first, or appending would leave one of the secret behind.
        state = .head
        request.body.writeImmutableBuffer(bytes)
        state = .body(request, keepsAlive: keepsAlive)
    }

    private func finish() {
        guard case .body(let request, let keepsAlive) = state, context != nil else { return }
        state = .waiting(request, keepsAlive: keepsAlive)
        expiry = nil
        registry.turns.ask(self, of: owner, isUrgent: registry.isUrgent(caller))
    }

    func takeTurn() {
        guard case .waiting(var request, let keepsAlive) = state, let context else { return }
        state = .answering
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        request.makesWay = { loop.execute { connection.value.endTurn() } }
        task = Task { [desk, request] in
            let answer = await desk.answer(request)
            loop.execute { connection.value.write(answer, keepsAlive: keepsAlive) }
        }
    }

    private func endTurn() {
        registry.turns.end(self, of: owner)
    }

    private func write(informational status: HTTPResponseStatus) {
        context?.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status))),
            promise: nil)
    }

    private func write(_ answer: Answer, keepsAlive: Bool) {
        guard let context else { return }
        // Before the end is written: this connection's next request may be waiting behind this one.
        endTurn()
        let closes = answer.closes || !keepsAlive || closesNext
        context.write(
            wrapOutboundOut(.head(answer.head(closes: closes))), promise: nil)
        if !answer.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        unread.append(.now() + deadlines.answer)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            connection.value.unread.removeFirst()
            connection.value.written(closes: closes)
        }
        task = nil
        if !closes {
            state = .idle
            expire(in: deadlines.idle, .close)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func written(closes: Bool) {
        guard closes || closesNext else { return }
        // Half-closing first lets a client read the answer although it still sends.
        context?.close(mode: .output, promise: nil)
        expire(in: .milliseconds(500), .close)
    }

    private func expire(in time: TimeAmount, _ action: Expiry) {
        expiry = (.now() + time, action)
    }

    var deadline: NIODeadline? {
        guard let expiry else { return unread.first }
        return unread.first.map { min($0, expiry.at) } ?? expiry.at
    }

    func expire(at now: NIODeadline) {
        if let first = unread.first, first <= now { return close() }
        guard let expiry, expiry.at <= now else { return }
        self.expiry = nil
        switch expiry.action {
        case .close: close()
        case .refuse(let error): refuse(error)
        }
    }
}

extension Answer {
    /// The head of an answer after which the connection ends.
    fileprivate var headBytes: [UInt8] {
        let head = head(closes: true)
        var text = "HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n"
        for (name, value) in head.headers { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    fileprivate func head(closes: Bool) -> HTTPResponseHead {
        var fields = HTTPHeaders([
            ("Cache-Control", "no-store"), ("Content-Length", String(body.count)),
        ])
        if let contentType { fields.add(name: "Content-Type", value: contentType) }
        for (name, value) in headers { fields.add(name: name, value: value) }
        if closes { fields.add(name: "Connection", value: "close") }
        if status == .noContent { fields.remove(name: "Content-Length") }
        return HTTPResponseHead(version: .http1_1, status: status, headers: fields)
    }
}
