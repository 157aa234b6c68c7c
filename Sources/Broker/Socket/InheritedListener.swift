internal import Host
internal import NIOCore
internal import NIOPosix

/// Serves a socket that systemd made.
///
/// NIO's own server channel calls `listen()` on a socket that it adopts. The kernel then names this process,
/// and not root, as the peer that clients see
/// ([unix(7), SO_PEERCRED](https://man7.org/linux/man-pages/man7/unix.7.html)), and every client refuses it.
final class InheritedListener: Sendable {
    private let socket: InheritedSocket
    private let acceptLoop: AcceptLoop
    private let thread: NIOThreadPool
    private let end: EventLoopFuture<Void>

    /// Begins to accept.
    ///
    /// - Parameters:
    ///   - socket: what systemd handed over.
    ///   - registry: the connections, on the loop where they live.
    ///   - limits: how many there may be.
    ///   - preparation: what each of them gets.
    /// - Throws: `HostError` if the system has no more descriptors.
    init(
        _ socket: InheritedSocket, registry: NIOLoopBound<ConnectionRegistry>,
        limits: ConnectionLimits, preparation: Listener.Preparation
    ) throws(HostError) {
        self.socket = socket
        let loop = registry.eventLoop
        let acceptLoop = try AcceptLoop(
            socket, limits: limits, readsProcess: preparation.readsProcess
        ) { connection, caller in
            loop.flatSubmit {
                guard registry.value.makeRoom(for: caller) else {
                    connection.close()
                    return loop.makeSucceededVoidFuture()
                }
                return ClientBootstrap(group: loop).channelInitializer { channel in
                    loop.makeCompletedFuture {
                        try preparation.configure(channel, caller, registry.value)
                    }
                }.withConnectedSocket(connection.descriptor).map { _ in }
            }
        }
        self.acceptLoop = acceptLoop
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        end = thread.runIfActive(eventLoop: loop) { acceptLoop.run() }
    }

    /// Accepts no more: whoever connects from now on waits for the next broker, in the socket's queue.
    func close() async {
        acceptLoop.stop()
        try? await end.get()
        socket.close()
        try? await thread.shutdownGracefully()
    }
}
