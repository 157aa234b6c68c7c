internal import CHost

/// The address that a connected Unix socket's other end is bound to.
public enum PeerAddress: Sendable {
    /// The address's bytes, the zero byte of an abstract one included.
    ///
    /// - Parameter descriptor: a connected Unix socket.
    /// - Returns: none if the other end is not bound.
    public static func bytes(of descriptor: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: SocketPlace.longestPath + 1)
        let count = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            unsafe chost_peer_name(descriptor, buffer.baseAddress, UInt(buffer.count))
        }
        return count > 0 ? Array(buffer.prefix(Int(count))) : []
    }
}
