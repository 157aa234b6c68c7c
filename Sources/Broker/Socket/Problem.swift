internal import NIOHTTP1
internal import OAuth

/// An error as a caller gets it ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): status, exit code,
/// words, and what to do next.
///
/// Here alone is decided what each error of the broker means for a person.
package struct Problem: Equatable, Sendable {
    /// The word after `urn:bursar:problem:`.
    package var type: String
    package var status: Int
    package var exitCode: Int
    /// What happened, and the cause: one line.
    package var detail: String
    /// At most two next steps.
    package var hints: [String] = []
    package var oauthError: String?
    /// Whole seconds.
    package var retryAfter: Int?
    private var allowed: [String] = []

    init(
        _ type: String, _ status: Int, _ exitCode: Int, _ detail: String, _ hints: [String] = []
    ) {
        self.type = type
        self.status = status
        self.exitCode = exitCode
        self.detail = detail
        self.hints = hints
    }

    /// The problem of an error.
    package init(_ error: BrokerError) {
        switch error {
        case .badRequest(let words): self.init("bad-request", 400, 64, words)
        case .notFound: self.init("not-found", 404, 66, "there is nothing at this path")
        case .methodNotAllowed(let allowed):
            self.init("bad-request", 405, 64, "the path does not take this method")
            self.allowed = allowed
        case .tooLarge(let what, let limit):
            self.init(
                "bad-request", what == "head" ? 431 : 413, 64,
                "the request's \(what) has more than \(limit) bytes")
        case .requestTimedOut:
            self.init("bad-request", 408, 64, "the request did not arrive in time")
        case .wrongContentType(let expected):
            self.init("bad-request", 415, 64, "the body has to be \(expected)")
        case .denied: self.init("denied", 403, 77, "this caller may not use this broker")
        case .refusedToken(let name, let uid):
            self.init(
                "denied", 403, 77,
                "no token for \"\(name)\": no such credential, or this caller (uid \(uid)) is not allowed"
            )
        case .notAllowed(let name, let uid):
            self.init(
                "denied", 403, 77,
                "no token for \"\(name)\": no rule of it allows this caller (uid \(uid)) what it asks for",
                ["see why: bursar explain \(name)"])
        case .scopeBeyondRule(let name, let scopes):
            let words = scopes.prefix(8).map { "\"\(escaped($0))\"" }.joined(separator: " ")
            self.init(
                "denied", 403, 77,
                "no token for \"\(name)\": the server gave it the scope \(words), which this caller's rule does not have"
            )
        case .noSuchRule(let name, let subject):
            self.init(
                "no-such-rule", 404, 66, "no rule of \"\(name)\" is for the \(subject)",
                ["its rules: bursar vault show \(name)"])
        case .foreignDoor(let header):
            self.init(
                "denied", 403, 77, "a request with the header \"\(header)\" is not answered here")
        case .locked:
            self.init("locked", 403, 77, "the vault is locked", ["unlock it: bursar unlock"])
        case .anotherVault(let asked, let served):
            self.init(
                "another-vault", 500, 78,
                "the broker serves the vault \"\(escaped(served, limit: 4096))\", "
                    + "not \"\(escaped(asked, limit: 4096))\"",
                ["name the socket of its broker with --socket, or leave --vault out"])
        case .vault(let error): self.init(error)
        case .destinationChanged(let name):
            self.init(
                "destination-changed", 400, 64,
                "where the secret of \"\(name)\" goes would change, so it has to be given again",
                ["add --secret-file FILE, --secret-fd N or --secret-stdin"])
        case .badCredential(let error): self.init(badCredential: error)
        case .badProxy(let text):
            self.init(
                "configuration", 500, 78,
                "the proxy \"\(escaped(text, limit: 200))\" can't be used: it is not http://HOST[:PORT]"
            )
        case .oauth(let error, let endpoint): self.init(error, at: endpoint)
        case .unreachable(let endpoint, let cause):
            self.init(
                "unreachable", 502, 69,
                "can't reach the token endpoint at \"\(endpoint.host)\": \(cause)",
                [
                    endpoint.hasProxy
                        ? "is the proxy the right one? bursar vault show \(endpoint.credential)"
                        : "is the URL right? bursar vault show \(endpoint.credential)"
                ])
        case .untrusted(let endpoint, let fault):
            self.init(
                "tls", 502, 69,
                "won't trust the token endpoint at \"\(endpoint.host)\": \(fault.rawValue)",
                [Self.hint(fault, endpoint.credential)])
        case .noAnswer(let endpoint):
            self.init(
                "try-later", 503, 75,
                "the token endpoint at \"\(endpoint.host)\" did not answer in time",
                ["wait longer with --timeout, or try again later"])
            retryAfter = 1
        case .timedOut:
            self.init("try-later", 503, 75, "no token in time", ["wait longer with --timeout"])
            retryAfter = 1
        case .tryLater(let delay, let after): self.init(delay, after)
        case .paused(let error, let until):
            self.init(error)
            hints = [
                "the server is not asked again until \(rfc3339(until)), so that no account is "
                    + "locked out; to ask now: --fresh"
            ]
        case .start(let fault): self.init(fault)
        case .trail(let error): self.init(trail: error)
        case .internalFault(let words):
            self.init("internal", 500, 70, "a fault of bursard: \(words)")
        }
    }

    private static func hint(_ fault: BrokerError.TLSFault, _ name: String) -> String {
        switch fault {
        case .expired, .expiredChain: "whoever runs the server has to renew it"
        case .notYetValid: "are the clocks of both machines right?"
        case .unknownCA:
            "if it has a CA of its own: bursar vault set \(name) --ca-file PEM --secret-stdin"
        case .wrongName: "is the URL right? bursar vault show \(name)"
        case .handshake, .broken:
            "does it speak TLS 1.2 or later at that port? bursar vault show \(name)"
        }
    }

    private init(_ delay: BrokerError.Delay, _ after: Duration?) {
        let seconds = after.map { Int($0.seconds.rounded(.up)) } ?? 1
        switch delay {
        case .serverAsked(let endpoint):
            self.init(
                "try-later", 503, 75,
                "the token endpoint at \"\(endpoint.host)\" asks to wait \(seconds) s")
        case .budget:
            self.init(
                "try-later", 503, 75,
                "too many token requests for this credential; next one in \(seconds) s")
        case .callerLimit(let count):
            self.init(
                "try-later", 503, 75,
                "this caller's rule allows \(count) tokens a minute; next one in \(seconds) s")
        case .credentialChanged:
            self.init(
                "try-later", 503, 75, "the credential was changed while its token was asked for",
                ["ask again"])
        case .stopping: self.init("try-later", 503, 75, "the broker is ending", ["ask again"])
        }
        retryAfter = max(seconds, 1)
    }

    /// The problem as an answer.
    var answer: Answer {
        var members: [(String, JSONValue)] = [
            ("type", .string("urn:bursar:problem:" + type)), ("status", .integer(Int64(status))),
            ("detail", .string(detail)), ("exit_code", .integer(Int64(exitCode))),
            ("hints", .array(hints.map { .string($0) })),
        ]
        if let oauthError { members.append(("oauth_error", .string(oauthError))) }
        if let retryAfter { members.append(("retry_after", .integer(Int64(retryAfter)))) }
        var answer = Answer(
            status: HTTPResponseStatus(statusCode: status),
            contentType: "application/problem+json", body: JSONValue.members(members).encoded())
        if let retryAfter { answer.headers.append(("Retry-After", String(retryAfter))) }
        if !allowed.isEmpty {
            answer.headers.append(("Allow", allowed.joined(separator: ", ")))
        }
        return answer
    }

    /// The problem as one line of JSON, for the client that starts a broker.
    package var line: [UInt8] { answer.body }
}
