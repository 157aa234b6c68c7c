internal import NIOCore
internal import Synchronization

/// Who connected, as the kernel noted it then
/// ([unix(7), SO_PEERCRED](https://man7.org/linux/man-pages/man7/unix.7.html)).
enum PeerCredentials {
    /// `struct ucred`.
    private struct Kernel: Sendable {
        var pid: Int32
        var uid: UInt32
        var gid: UInt32
    }

    private static let soPeerCred: Int32 = 17

    /// The caller at the other end; nil if the kernel does not say.
    ///
    /// On the channel's event loop only.
    static func of(_ channel: any Channel) -> Caller? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        // Safe: the kernel writes exactly a `struct ucred`, whose layout `Kernel` has.
        let answer: EventLoopFuture<Kernel> = provider.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: soPeerCred))
        let seen = Mutex<Kernel?>(nil)
        answer.whenSuccess { kernel in seen.withLock { $0 = kernel } }
        // The option is read at once when asked for on the channel's own event loop.
        return seen.withLock { $0 }.map { Caller(uid: $0.uid, pid: $0.pid) }
    }
}
