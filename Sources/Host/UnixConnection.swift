internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A connection to a Unix stream socket, every wait of it bounded.
public struct UnixConnection: ~Copyable, Sendable {
    private let descriptor: Int32
    /// The process that called `listen()` there.
    public let peerPID: Int32
    /// Its user.
    public let peerUID: UInt32

    /// Connects.
    ///
    /// - Parameters:
    ///   - path: the socket, at most 107 bytes.
    ///   - timeout: how long connecting, and each read and write, may take.
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public init(to path: String, timeout: Duration) throws(HostError) {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        let result = unsafe chost_connect(path, Self.milliseconds(timeout), &pid, &uid)
        // A listener that accepts nobody lets its queue fill up.
        if result == -EAGAIN { throw .timedOut(operation: "connect \"\(path)\"") }
        guard result >= 0 else {
            throw .system(operation: "connect", path: path, code: -result)
        }
        descriptor = result
        peerPID = pid
        peerUID = uid
    }

    // The system takes 0 for "no limit".
    private static func milliseconds(_ duration: Duration) -> Int32 {
        max(1, duration.wholeMilliseconds)
    }

    /// Bounds further reads.
    public borrowing func setTimeout(_ timeout: Duration) {
        _ = chost_set_receive_timeout(descriptor, Self.milliseconds(timeout))
    }

    /// Sends bytes, all of them, straight from where they lie.
    ///
    /// - Throws: ``HostError/timedOut(operation:)``, ``HostError/system(operation:path:code:)``.
    public borrowing func send(_ bytes: Span<UInt8>) throws(HostError) {
        var offset = 0
        while offset < bytes.count {
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress.map { unsafe $0 + offset },
                    buffer.count - offset, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else { throw Self.failure("send") }
            offset += sent
        }
    }

    /// Receives some bytes; none at the end.
    ///
    /// - Throws: ``HostError/timedOut(operation:)``, ``HostError/system(operation:path:code:)``.
    public borrowing func receive(upTo limit: Int) throws(HostError) -> [UInt8] {
        while true {
            var got = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                got = unsafe recv(descriptor, buffer.baseAddress, limit, 0)
                count = max(got, 0)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw Self.failure("receive") }
            return bytes
        }
    }

    private static func failure(_ operation: String) -> HostError {
        errno == EAGAIN
            ? .timedOut(operation: operation)
            : .system(operation: operation, path: nil, code: errno)
    }

    deinit { _ = close(descriptor) }
}
