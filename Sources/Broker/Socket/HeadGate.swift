internal import NIOCore

/// Counts the bytes of a request's head before they are parsed, so that no head is endless or slow.
final class HeadGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Most bytes of a request line and headers.
    static let limit = 16 * 1024

    private let connection: ConnectionHandler
    private var byteCount = 0

    init(connection: ConnectionHandler) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        connection.noteBytes()
        byteCount += bytes.readableBytes
        context.fireChannelRead(data)
        if !connection.isReadingHead {
            byteCount = 0
        } else if byteCount > Self.limit {
            connection.refuse(.tooLarge(what: "head", limit: Self.limit))
        }
    }
}
