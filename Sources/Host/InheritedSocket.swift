internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A listening Unix socket that the service manager made and handed over
/// ([sd_listen_fds(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html)).
public struct InheritedSocket: Sendable, Equatable {
    /// The descriptor; whoever takes the value over closes it.
    public let descriptor: Int32
    /// What the service manager calls it (`FileDescriptorName=`); nil if it gives no names.
    public let name: String?
    /// The path that it is bound to, absolute.
    public let path: String

    /// Names a socket.
    public init(descriptor: Int32, name: String?, path: String) {
        self.descriptor = descriptor
        self.name = name
        self.path = path
    }

    private static let first: Int32 = 3
    private static let most: Int32 = 16

    /// Takes over what `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` name, once: the variables are removed,
    /// and no program that is run inherits the descriptors.
    ///
    /// - Returns: none where the variables are not there, or mean another process.
    /// - Throws: ``HostError/unsafe(path:_:)`` for a descriptor that is no listening Unix stream socket.
    public static func takeAll() throws(HostError) -> [InheritedSocket] {
        let names = Environment.value("LISTEN_FDNAMES").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        let isMine = Environment.value("LISTEN_PID").flatMap { Int32($0) } == getpid()
        let count = Environment.value("LISTEN_FDS").flatMap { Int32($0) } ?? 0
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] {
            unsafe unsetenv(name)
        }
        guard isMine, count > 0, count <= most else { return [] }
        // All of them before any can be refused.
        for descriptor in first..<(first + count) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var sockets: [InheritedSocket] = []
        for index in 0..<count {
            let descriptor = first + index
            let name = names.flatMap { Int(index) < $0.count ? $0[Int(index)] : nil }
            sockets.append(
                InheritedSocket(
                    descriptor: descriptor, name: name, path: try boundPath(descriptor)))
        }
        return sockets
    }

    private static func boundPath(_ descriptor: Int32) throws(HostError) -> String {
        var buffer = [CChar](repeating: 0, count: SocketPlace.longestPath + 2)
        let result = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            unsafe chost_listening_path(descriptor, buffer.baseAddress, UInt(buffer.count))
        }
        guard result == 0 else {
            throw .unsafe(
                path: "descriptor \(descriptor)", .not(kind: "listening Unix stream socket"))
        }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Takes the next connection.
    ///
    /// - Parameters:
    ///   - wakeup: ends a wait.
    ///   - waits: whether to block the thread until one comes.
    /// - Returns: what came of it.
    public func accept(or wakeup: Wakeup, waits: Bool) -> Arrival {
        let result = chost_accept(descriptor, wakeup.descriptor, waits ? 1 : 0)
        switch result {
        case 0...: return AcceptedConnection(descriptor: result).map { .connection($0) } ?? .none
        case -ECANCELED: return .woken
        case -EAGAIN: return .none
        default: return .exhausted
        }
    }

    /// What a look for a connection came to.
    public enum Arrival: Sendable {
        /// A connection; whoever takes it over closes it.
        case connection(AcceptedConnection)
        /// Somebody woke the thread.
        case woken
        /// There is none.
        case none
        /// Descriptors or memory have run out: the connection waits in the socket's queue.
        case exhausted
    }

    /// Closes this process's descriptor; the socket stays the service manager's.
    public func close() {
        _ = Glibc.close(descriptor)
    }
}
