internal import ArgumentParser
internal import BrokerClient
internal import Host

/// An answer that the fast path got; parsing knows nothing of it.
struct Given: Decodable {
    let response: BrokerResponse

    init(_ response: BrokerResponse) {
        self.response = response
    }

    init(from decoder: any Decoder) throws {
        response = BrokerResponse(status: 0, body: [])
    }
}

/// The command `bursar token get NAME`.
struct TokenGet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Prints an access token.",
        discussion: """
            Examples:
              bursar token get dscc
              curl -H @<(bursar token get dscc --output header) https://…
              bursar token get dscc --fresh          # after the API answered 401
            """)

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case token, header, json
    }

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @Option(help: ArgumentHelp("A scope to ask for; repeatable.", valueName: "scope"))
    var scope: [String] = []
    @Option(help: ArgumentHelp("Whom the token is for.", valueName: "audience"))
    var audience: String?
    @Option(help: ArgumentHelp("What the token is for (RFC 8707); repeatable.", valueName: "uri"))
    var resource: [String] = []
    @Option(help: ArgumentHelp("How long it must still live: 90s, 15m.", valueName: "duration"))
    var minValid: DurationOption?
    @Flag(help: "Ask the server, whatever is cached.")
    var fresh = false
    @Option(help: ArgumentHelp("How long to wait (default: 30s).", valueName: "duration"))
    var timeout: DurationOption?
    @Option(help: "token, header or json.")
    var output = Output.token
    @OptionGroup var options: GlobalOptions

    var answer: Given?

    private enum CodingKeys: CodingKey {
        case name, scope, audience, resource, minValid, fresh, timeout, output, options
    }

    func run() throws {
        var request = BrokerRequest("GET", try credentialPath(name) + "/token")
        if !scope.isEmpty { request.addParameter("scope", scope.joined(separator: " ")) }
        if let audience { request.addParameter("audience", audience) }
        for value in resource { request.addParameter("resource", value) }
        if let minValid { request.addParameter("min_valid", minValid.text) }
        if fresh { request.addParameter("fresh", "1") }
        if let timeout {
            request.addParameter("timeout", timeout.text)
            request.timeout = .seconds(timeout.seconds + 15)
        }
        if output != .json { request.addHeader("Accept", "text/plain") }
        let session = try Session(options, for: .anyBroker)
        let body: [UInt8]
        do throws(Failure) {
            if let answer {
                body = try session.finish(answer.response, of: request)
            } else {
                body = try session.send(request)
            }
        } catch {
            throw naming(proxyFor: error)
        }
        let token = String(decoding: body, as: UTF8.self)
        try printLine(output == .header ? "Authorization: Bearer \(token)" : token)
    }

    /// The broker takes no proxy from anybody's environment; who has one there is told what to do.
    private func naming(proxyFor failure: Failure) -> Failure {
        let proxy = Environment.value("HTTPS_PROXY") ?? Environment.value("https_proxy")
        let isProxied = failure.hints.contains { $0.contains("proxy") }
        guard failure.type == "unreachable", proxy != nil, !isProxied else { return failure }
        var failure = failure
        failure.hints = [
            "HTTPS_PROXY is set, which the broker does not read; store the proxy with the "
                + "credential: bursar vault set \(name) --proxy http://HOST:PORT --secret-stdin"
        ]
        return failure
    }
}
