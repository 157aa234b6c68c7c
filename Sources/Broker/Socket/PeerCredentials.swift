internal import Host
internal import NIOCore

/// Who connected a channel.
enum PeerCredentials {
    /// The caller at the other end; nobody if the kernel does not say.
    ///
    /// On the channel's event loop only. Where only uids matter, `/proc` need not be read for more than the
    /// process's name. The files of `/proc` that it reads are the kernel's memory: they
    /// wait for no disk.
    ///
    /// - Parameters:
    ///   - channel: a connection.
    ///   - readsProcess: whether unit and container matter.
    /// - Returns: the caller.
    static func of(_ channel: any Channel, readsProcess: Bool) -> Caller {
        let peer = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { descriptor in PeerIdentity(descriptor: descriptor, readsProcess: readsProcess) }
        return (peer ?? nil).map { Caller($0) } ?? .nobody
    }

    /// The bytes of the address that the other end is bound to; none if it is bound to none.
    static func address(of channel: any Channel) -> [UInt8] {
        let bytes = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { descriptor in PeerAddress.bytes(of: descriptor) }
        return (bytes ?? nil) ?? []
    }
}
