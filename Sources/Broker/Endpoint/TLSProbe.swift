internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import OAuth
internal import Synchronization

extension TokenEndpoint {
    /// Connects to a credential's token endpoint as a token request would, TLS and proxy included, and sends
    /// nothing over it.
    ///
    /// - Returns: what a token request would fail with; nil if it could be sent. Takes at most 12 s.
    package func probe(_ credential: Credential, named name: String) async -> BrokerError? {
        let endpoint = self.endpoint(of: credential, named: name)
        let url = credential.tokenURL
        do throws(BrokerError) {
            let tls = url.scheme == "https" ? try tlsConfiguration(for: credential) : nil
            var proxy: ProxyURL?
            if case .proxy(let named) = way(of: credential) { proxy = named }
            do {
                try await TLSProbe(group: group, url: url, proxy: proxy).connect(tls)
                return nil
            } catch {
                return await failure(error, for: credential, at: endpoint, isSent: false)
            }
        } catch {
            return error
        }
    }
}

/// A connection to a server that is closed when it is trusted.
private struct TLSProbe {
    let group: MultiThreadedEventLoopGroup
    let url: EndpointURL
    let proxy: ProxyURL?

    private static let timeout = TimeAmount.seconds(5)

    func connect(_ tls: TLSConfiguration?) async throws {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let outcome = group.any().makePromise(of: Void.self)
        // As the HTTP client does it: no resolver says where this machine is.
        let isHere = tls == nil && url.host == "localhost"
        let host = isHere ? "127.0.0.1" : url.host
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(Self.timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try addHandlers(to: channel, context, outcome)
                    }
                }
                .connect(host: proxy?.host ?? host, port: proxy?.port ?? url.port).get()
            let timer = channel.eventLoop.scheduleTask(in: Self.timeout) {
                outcome.fail(HTTPClientError.tlsHandshakeTimeout)
            }
            defer {
                timer.cancel()
                channel.close(promise: nil)
            }
            if context == nil { outcome.succeed() }
            try await outcome.futureResult.get()
        } catch {
            outcome.fail(error)
            throw error
        }
    }

    private func addHandlers(
        to channel: any Channel, _ context: NIOSSLContext?, _ outcome: EventLoopPromise<Void>
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let context {
            let host = TLSDiagnosis.sni(url.host)
            if proxy != nil {
                try pipeline.addHandler(
                    ProxyOpening(host: url.host, port: url.port) { pipeline, opening in
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: host),
                            position: .after(opening))
                    })
            } else {
                try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: host))
            }
        }
        try pipeline.addHandler(HandshakeWatch(outcome: outcome))
    }
}

/// Tells how the handshake went.
private final class HandshakeWatch: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let outcome: EventLoopPromise<Void>

    init(outcome: EventLoopPromise<Void>) {
        self.outcome = outcome
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { outcome.succeed() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        outcome.fail(HTTPClientError.remoteConnectionClosed)
    }
}

/// Has a proxy connect to the server (`CONNECT`), and leaves the pipeline then.
private final class ProxyOpening: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Next = (ChannelPipeline.SynchronousOperations, ProxyOpening) throws -> Void

    private let authority: String
    private let next: Next
    private var answer = ByteBuffer()
    private static let limit = 16 << 10

    init(host: String, port: Int, next: @escaping Next) {
        authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.next = next
    }

    func channelActive(context: ChannelHandlerContext) {
        let head = "CONNECT \(authority) HTTP/1.1\r\nhost: \(authority)\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        answer.writeBuffer(&part)
        let text = String(decoding: answer.readableBytesView, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else {
            if answer.readableBytes > Self.limit { refuse(context, .invalidProxyResponse) }
            return
        }
        let words = text[..<end.lowerBound].split(separator: " ", maxSplits: 2)
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), words[1].hasPrefix("2") else {
            let asksForPassword = words.count > 1 && words[1] == "407"
            let error: HTTPClientError =
                asksForPassword ? .proxyAuthenticationRequired : .invalidProxyResponse
            return refuse(context, error)
        }
        do {
            try next(context.pipeline.syncOperations, self)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            context.fireErrorCaught(error)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ error: HTTPClientError) {
        context.fireErrorCaught(error)
    }
}
