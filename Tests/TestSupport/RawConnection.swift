import Foundation
import Host

/// A connection to a Unix socket that sends just what a test says.
public final class RawConnection: Sendable {
    private let descriptor: Int32

    /// Connects.
    ///
    /// - Throws: `POSIXError` if nobody listens.
    public init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            for (index, byte) in path.utf8.enumerated() where index < buffer.count - 1 {
                buffer[index] = byte
            }
        }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
    }

    /// Sends bytes; false once the other side has closed.
    @discardableResult
    public func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Receives until the other side closes, or the text ends with something, or time is up.
    ///
    /// - Returns: what came, and whether the other side has closed.
    public func receive(
        until end: String? = nil, seconds: Double = 20
    ) -> (text: String, isClosed: Bool) {
        var bytes: [UInt8] = []
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            if let end, String(decoding: bytes, as: UTF8.self).hasSuffix(end) { break }
            let left = deadline.timeIntervalSinceNow
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&poller, 1, Int32(left * 1000) + 1) > 0 else { break }
            var part = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &part, part.count, 0)
            guard count > 0 else { return (String(decoding: bytes, as: UTF8.self), true) }
            bytes += part[..<count]
        }
        return (String(decoding: bytes, as: UTF8.self), false)
    }

    /// Sends a request, and receives to the end.
    public func ask(_ text: String) -> String {
        send(text)
        return receive().text
    }

    deinit { close(descriptor) }
}
