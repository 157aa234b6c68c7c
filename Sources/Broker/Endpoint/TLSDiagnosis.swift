internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import OAuth
internal import Synchronization

/// Names what is wrong with a server's certificate, by a second handshake that carries nothing.
///
/// The HTTP client says only that verification failed.
struct TLSDiagnosis {
    let group: MultiThreadedEventLoopGroup
    private static let timeout = TimeAmount.milliseconds(1500)

    /// The fault; nil if this handshake told nothing more.
    func fault(
        at url: EndpointURL, configuration: TLSConfiguration
    ) async -> BrokerError.TLSFault? {
        let seen = SeenCertificates()
        guard let context = try? NIOSSLContext(configuration: configuration) else { return nil }
        let host = url.host
        let channel = try? await ClientBootstrap(group: group)
            .connectTimeout(Self.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(
                        context: context, serverHostname: Self.sni(host)
                    ) { certificates, promise in
                        seen.note(certificates)
                        promise.succeed(NIOSSLVerificationResult.failed)
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: host, port: url.port).get()
        guard let channel else { return nil }
        let timer = channel.eventLoop.scheduleTask(in: Self.timeout) {
            channel.close(promise: nil)
        }
        try? await channel.closeFuture.get()
        timer.cancel()
        return seen.fault
    }

    // An IP address is no server name (RFC 6066, section 3).
    static func sni(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }
}

/// The certificates that a server showed, and what about them is wrong.
private final class SeenCertificates: Sendable {
    private let finding = Mutex<BrokerError.TLSFault?>(nil)

    var fault: BrokerError.TLSFault? { finding.withLock { $0 } }

    func note(_ certificates: [NIOSSLCertificate]) {
        let now = time(nil)
        let fault: BrokerError.TLSFault =
            if let leaf = certificates.first, leaf.notValidAfter < now {
                .expired
            } else if let leaf = certificates.first, leaf.notValidBefore > now {
                .notYetValid
            } else if certificates.contains(where: { $0.notValidAfter < now }) {
                .expiredChain
            } else {
                .unknownCA
            }
        finding.withLock { $0 = fault }
    }
}
