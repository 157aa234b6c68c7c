internal import Host
internal import NIOCore

/// Who connected a channel.
enum PeerCredentials {
    /// The caller at the other end; nobody if the kernel does not say.
    ///
    /// On the channel's event loop only. The files of `/proc` that it reads are the kernel's memory: they
    /// wait for no disk.
    static func of(_ channel: any Channel) -> Caller {
        let peer = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { descriptor in PeerIdentity(descriptor: descriptor) }
        return (peer ?? nil).map { Caller($0) } ?? .nobody
    }
}
