internal import NIOCore

/// Counts the bytes of a request's head before they are parsed, so that no head is endless or slow, and
/// leaves nothing of what came in the buffer that the channel reads into.
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
        context.fireChannelRead(wrapInboundOut(Self.moved(bytes, context.channel.allocator)))
        if !connection.isReadingHead {
            byteCount = 0
        } else if byteCount > Self.limit {
            connection.refuse(.tooLarge(what: "head", limit: Self.limit))
        }
    }

    /// A copy that is freed, and so zeroed, as soon as it is parsed; the channel keeps the original for its
    /// next reads, as long as the connection lasts.
    private static func moved(_ bytes: ByteBuffer, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var copy = allocator.buffer(capacity: bytes.readableBytes)
        copy.writeImmutableBuffer(bytes)
        unsafe bytes.withUnsafeReadableBytes { original in
            // Nobody else sees the original, and the channel takes it for empty.
            let memory = unsafe UnsafeMutableRawBufferPointer(mutating: original)
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        }
        return copy
    }
}
