internal import Host
internal import NIOCore
internal import NIOPosix

/// Accepts the connections of a socket that systemd made, on a thread of its own, and hands them to the
/// event loop.
///
/// NIO's own server channel calls `listen()` on a socket that it adopts. The kernel then names this process,
/// and not root, as the peer that clients see
/// ([unix(7), SO_PEERCRED](https://man7.org/linux/man-pages/man7/unix.7.html)), and every client refuses it.
final class InheritedListener: Sendable {
    private let socket: InheritedSocket
    private let stop: Wakeup
    private let thread: NIOThreadPool
    private let end: EventLoopFuture<Void>

    /// Begins to accept.
    ///
    /// - Parameters:
    ///   - socket: what systemd handed over.
    ///   - loop: where the connections live.
    ///   - configure: prepares each connection's channel, on the loop.
    /// - Throws: `HostError` if the system has no more descriptors.
    init(
        _ socket: InheritedSocket, loop: any EventLoop,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) throws(HostError) {
        self.socket = socket
        let stop = try Wakeup()
        self.stop = stop
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        end = thread.runIfActive(eventLoop: loop) {
            socket.acceptConnections(until: stop) { connection in
                _ = ClientBootstrap(group: loop).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try configure(channel) }
                }.withConnectedSocket(connection)
            }
        }
    }

    /// Accepts no more: whoever connects from now on waits for the next broker, in the socket's queue.
    func close() async {
        stop.wake()
        try? await end.get()
        socket.close()
        try? await thread.shutdownGracefully()
    }
}
