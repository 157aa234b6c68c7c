internal import AsyncHTTPClient
package import NIOCore
internal import NIOHTTP1
package import NIOPosix
internal import NIOSSL
package import OAuth
internal import Sodium
internal import Synchronization

/// Speaks to token endpoints: HTTPS by HTTP/1.1, no redirects, everything bounded.
///
/// HTTP/2 is left out because its encoder keeps an `Authorization` header in a table for as long as the
/// connection lives.
package final class TokenEndpoint: Sendable {
    /// Most bytes of an answer's body that are read.
    package static let bodyLimit = 256 * 1024
    /// Most bytes of an answer's headers.
    package static let headLimit = 64 * 1024
    /// How long connecting may take, TLS included.
    package static let connectTimeout = Duration.seconds(10)

    /// How long a connection is kept for a next request.
    package static let idleTimeout = Duration.seconds(2)

    let group: MultiThreadedEventLoopGroup
    private let defaultProxy: ProxyURL?
    // One client for each way: the library knows a proxy, or another address, for a whole client only.
    private let clients = Mutex<[Way: HTTPClient]>([:])
    private let tlsConfigurations = Mutex<[String: TLSConfiguration]>([:])

    /// How a request gets to its server.
    enum Way: Hashable {
        case direct
        case proxy(ProxyURL)
        /// Plain http, which stays on this machine.
        case loopback
    }

    /// - Parameters:
    ///   - group: where connections run.
    ///   - defaultProxy: the broker's own proxy, for credentials that name none.
    package init(group: MultiThreadedEventLoopGroup, defaultProxy: ProxyURL?) {
        self.group = group
        self.defaultProxy = defaultProxy
    }

    /// Closes all connections.
    package func shutdown() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all { try? await client.shutdown() }
    }

    /// Sends one token request, and reads its answer.
    ///
    /// - Parameters:
    ///   - encoded: the form, and the header if there is one; wiped when this returns.
    ///   - credential: where it goes, and through what.
    ///   - name: the credential's name, for errors.
    ///   - deadline: when to give up.
    /// - Returns: the server's answer, not yet judged.
    /// - Throws: ``BrokerError`` if there is none, or one that is too large.
    package func send(
        _ encoded: consuming EncodedTokenRequest, for credential: Credential, named name: String,
        by deadline: NIODeadline
    ) async throws(BrokerError) -> EndpointAnswer {
        let endpoint = self.endpoint(of: credential, named: name)
        let client = self.client(by: way(of: credential))
        let progress = FormBody.Progress()
        let request = try Self.request(
            encoded, to: credential.tokenURL, tls: tlsConfiguration(for: credential), progress)
        do {
            return try await Self.within(deadline) {
                try await Self.exchange(request, client, deadline)
            }
        } catch {
            throw await failure(error, for: credential, at: endpoint, isSent: progress.isSent)
        }
    }

    /// How errors name the credential's token endpoint.
    package func endpoint(of credential: Credential, named name: String) -> BrokerError.Endpoint {
        let hasProxy = if case .proxy = way(of: credential) { true } else { false }
        return BrokerError.Endpoint(
            credential: name, host: credential.tokenURL.host, hasProxy: hasProxy)
    }

    func way(of credential: Credential) -> Way {
        // A proxy would read plain http, and "localhost" would be its own.
        if credential.tokenURL.scheme == "http" { return .loopback }
        return (credential.proxy ?? defaultProxy).map { .proxy($0) } ?? .direct
    }

    /// The client's own deadline ends with the answer's head; a body that drips could go on for ever.
    private static func within<Value: Sendable>(
        _ deadline: NIODeadline, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { tasks in
            tasks.addTask { try await body() }
            tasks.addTask {
                let left = deadline - .now()
                try await Task.sleep(for: .nanoseconds(max(left.nanoseconds, 0)))
                throw HTTPClientError.deadlineExceeded
            }
            defer { tasks.cancelAll() }
            guard let value = try await tasks.next() else { throw CancellationError() }
            return value
        }
    }

    private static func exchange(
        _ request: HTTPClientRequest, _ client: HTTPClient, _ deadline: NIODeadline
    ) async throws -> EndpointAnswer {
        let response = try await client.execute(request, deadline: deadline)
        let headers = response.headers
        let headSize = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard headSize <= headLimit else { throw AnswerTooLarge(limit: headLimit) }
        let declared = headers.first(name: "Content-Length").flatMap { Int($0) }
        if let declared, declared > bodyLimit { throw AnswerTooLarge(limit: bodyLimit) }
        var body = ByteBuffer()
        for try await part in response.body {
            guard body.readableBytes + part.readableBytes <= bodyLimit else {
                throw AnswerTooLarge(limit: bodyLimit)
            }
            body.writeImmutableBuffer(part)
        }
        return EndpointAnswer(
            status: Int(response.status.code), contentType: headers.first(name: "Content-Type"),
            location: headers.first(name: "Location"),
            retryAfter: headers.first(name: "Retry-After"), body: Array(body.readableBytesView))
    }

    func failure(
        _ error: any Error, for credential: Credential, at endpoint: BrokerError.Endpoint,
        isSent: Bool
    ) async -> BrokerError {
        switch EndpointFailure(error) {
        case .tooLarge(let limit): return .oauth(.responseTooLarge(limit: limit), endpoint)
        case .noAnswer where isSent: return .noAnswer(endpoint)
        case .noAnswer: return .unreachable(endpoint, cause: "no connection in time")
        case .unreachable(let cause): return .unreachable(endpoint, cause: cause)
        case .untrusted(let fault):
            guard fault != .wrongName, !endpoint.hasProxy,
                let tls = try? tlsConfiguration(for: credential)
            else { return .untrusted(endpoint, fault) }
            let named = await TLSDiagnosis(group: group).fault(
                at: credential.tokenURL, configuration: tls)
            return .untrusted(endpoint, named ?? fault)
        }
    }

    /// The one place where a secret enters the HTTP client's own types: the body, and the value of
    /// `Authorization`, which the library takes as a `String`.
    ///
    /// Both are freed, and so wiped by the program's zeroing `free`, when the exchange ends.
    private static func request(
        _ encoded: borrowing EncodedTokenRequest, to url: EndpointURL, tls: TLSConfiguration,
        _ progress: FormBody.Progress
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url.text)
        request.method = .POST
        request.tlsConfiguration = tls
        request.headers = [
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
            "User-Agent": "bursar/\(Version.current)",
        ]
        encoded.withAuthorization { value in
            request.headers.add(
                name: "Authorization",
                value: value.withBytes { String(decoding: $0.copied(), as: UTF8.self) })
        }
        encoded.body.withBytes { bytes in
            var buffer = ByteBufferAllocator().buffer(capacity: bytes.count)
            for index in bytes.indices { buffer.writeInteger(bytes[index]) }
            request.body = .stream(
                FormBody(buffer: buffer, progress: progress), length: .known(Int64(bytes.count)))
        }
        return request
    }

    private func client(by way: Way) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[way] { return client }
            var configuration = HTTPClient.Configuration(
                redirectConfiguration: .disallow,
                timeout: .init(connect: .nanoseconds(Int64(Self.connectTimeout.seconds * 1e9))))
            switch way {
            case .direct: break
            case .proxy(let proxy):
                configuration.proxy = .server(host: proxy.host, port: proxy.port)
            // No resolver says where this machine is.
            case .loopback: configuration.dnsOverride = ["localhost": "127.0.0.1"]
            }
            // A server that hangs for one credential must not hold up another one.
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
            configuration.httpVersion = .http1Only
            configuration.connectionPool.retryConnectionEstablishment = false
            // As long as it lives, a connection keeps what it read last: a rude server's echo of the secret.
            configuration.connectionPool.idleTimeout = .nanoseconds(
                Int64(Self.idleTimeout.seconds * 1e9))
            let client = HTTPClient(
                eventLoopGroupProvider: .shared(group), configuration: configuration)
            clients[way] = client
            return client
        }
    }

    func tlsConfiguration(
        for credential: Credential
    ) throws(BrokerError) -> TLSConfiguration {
        let pem = credential.caCertificates ?? ""
        if let known = tlsConfigurations.withLock({ $0[pem] }) { return known }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if !pem.isEmpty {
            guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)) else {
                throw .internalFault("the stored CA certificates can't be read")
            }
            configuration.trustRoots = .certificates(certificates)
        }
        tlsConfigurations.withLock { $0[pem] = configuration }
        return configuration
    }
}

/// What came back from a token endpoint.
package struct EndpointAnswer: Sendable {
    package let status: Int
    package let contentType: String?
    package let location: String?
    package let retryAfter: String?
    package let body: [UInt8]
}

/// The answer's headers or body were longer than is read, in bytes.
struct AnswerTooLarge: Error {
    let limit: Int
}
