internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What the HTTP client's many errors come down to.
enum EndpointFailure: Equatable {
    /// No connection; the cause in words.
    case unreachable(String)
    /// A connection, but its TLS is refused; why, as far as the error tells.
    case untrusted(BrokerError.TLSFault)
    /// A connection, but no whole answer in time.
    case noAnswer
    /// More than is read; the limit in bytes.
    case tooLarge(limit: Int)

    init(_ error: any Error) {
        switch error {
        case let error as AnswerTooLarge: self = .tooLarge(limit: error.limit)
        case let error as NIOConnectionError: self = .unreachable(Self.cause(of: error))
        case let error as ChannelError where error.isConnectTimeout:
            self = .unreachable("no connection in time")
        case let error as IOError: self = .unreachable(Self.words(of: error))
        case let error as HTTPClientError: self = Self.failure(of: error)
        case is NIOSSLExtraError: self = .untrusted(.wrongName)
        case NIOSSLError.handshakeFailed: self = .untrusted(.handshake)
        case is NIOSSLError, is BoringSSLError: self = .untrusted(.broken)
        case is CancellationError: self = .noAnswer
        default: self = .unreachable("the connection broke")
        }
    }

    private static func failure(of error: HTTPClientError) -> EndpointFailure {
        switch error {
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            .unreachable("no connection in time")
        case .httpProxyHandshakeTimeout: .unreachable("the proxy did not answer in time")
        case .invalidProxyResponse: .unreachable("the proxy refused the connection")
        case .proxyAuthenticationRequired: .unreachable("the proxy asks for a password")
        case .deadlineExceeded, .cancelled, .readTimeout, .writeTimeout: .noAnswer
        case .remoteConnectionClosed: .unreachable("the server closed the connection")
        default: .unreachable("the connection broke")
        }
    }

    private static func cause(of error: NIOConnectionError) -> String {
        if let failure = error.connectionErrors.first {
            return (failure.error as? IOError).map(words) ?? "no connection in time"
        }
        return "the host name can't be resolved"
    }

    private static func words(of error: IOError) -> String {
        switch error.errnoCode {
        case 111: "connection refused"
        case 110: "no connection in time"
        case 113: "no route to the host"
        case 101: "the network is unreachable"
        case 104: "the server closed the connection"
        default: "the connection broke (errno \(error.errnoCode))"
        }
    }
}

extension ChannelError {
    fileprivate var isConnectTimeout: Bool {
        if case .connectTimeout = self { true } else { false }
    }
}
