internal import OAuth

extension Problem {
    /// The problem of metadata that can't be used.
    init(badCredential error: OAuthError) {
        switch error {
        case .badURL(_, .httpLoopback):
            self.init(
                "configuration", 500, 78, error.description,
                ["for a server on this machine: --allow-http-loopback"])
        case .badURL(_, .notHTTPS):
            self.init("configuration", 500, 78, error.description, ["give an https:// URL"])
        case .badURL(_, .userInfo):
            self.init(
                "configuration", 500, 78, error.description,
                [
                    "give id and secret by --client-id and --secret-file, --secret-fd or --secret-stdin"
                ])
        case .badURL: self.init("configuration", 500, 78, error.description)
        case .missing(let member):
            self.init(
                "bad-request", 400, 64, "\(member) is missing",
                ["give --token-url URL, or --preset NAME"])
        case .badSetting(_, let key, .missing):
            self.init("bad-request", 400, 64, error.description, ["add --set \(key)=VALUE"])
        case .unknownPreset:
            self.init(
                "bad-request", 400, 64, error.description,
                ["presets: \(Preset.all.map(\.name).joined(separator: ", "))"])
        case .badClientID:
            self.init("bad-request", 400, 64, error.description, ["use --auth client_secret_post"])
        default: self.init("bad-request", 400, 64, error.description)
        }
    }

    /// The problem of an authorization server's answer.
    init(_ error: OAuthError, at endpoint: BrokerError.Endpoint) {
        let place = "the token endpoint at \"\(endpoint.host)\""
        let name = endpoint.credential
        switch error {
        case .refused(let code, let description, _):
            self.init(refused: code, description, place, name)
        case .refusedWithoutCode:
            self.init(
                "refused", 403, 77, "\(place) refused \"\(name)\": \(error)", Self.clientHints(name)
            )
        case .serverFailed(_, let code):
            self.init(
                "try-later", 503, 75, "\(place) can't answer now: \(error)", ["try again later"])
            retryAfter = 1
            oauthError = code?.rawValue
        case .redirected:
            self.init(
                "bad-answer", 502, 76, "\(place) answered \(error), which is never followed",
                [
                    "store the URL it leads to, if it is right: bursar vault set \(name) --token-url URL"
                ])
        case .notJSON(_, isHTML: true):
            self.init(
                "bad-answer", 502, 76, "\(place) answered \(error)",
                ["is the URL right, and does a firewall or proxy answer in its place?"])
        case .notJSON, .unexpectedStatus:
            self.init(
                "bad-answer", 502, 76, "\(place) answered \(error)",
                ["is the URL right? bursar vault show \(name)"])
        default: self.init("bad-answer", 502, 76, "\(place) answered \(error)")
        }
    }

    private init(
        refused code: ErrorCode, _ description: String?, _ place: String, _ name: String
    ) {
        let words = description.map { " (\($0))" } ?? ""
        let detail = "\(place) refused \"\(name)\": \(code.rawValue)\(words)"
        switch code {
        case .temporarilyUnavailable, .serverError:
            self.init("try-later", 503, 75, detail, ["try again later"])
            retryAfter = 1
        case .invalidClient: self.init("refused", 403, 77, detail, Self.clientHints(name))
        case .invalidScope:
            self.init(
                "refused", 403, 77, detail,
                ["ask for another scope: bursar token get \(name) --scope S"])
        case .unauthorizedClient, .unsupportedGrantType:
            self.init(
                "refused", 403, 77, detail,
                ["the server has to allow this client the grant client_credentials"])
        case .invalidRequest, .invalidTarget:
            self.init(
                "refused", 403, 77, detail,
                ["does it want --audience, --resource or --param? see: bursar vault set --help"])
        case .invalidGrant, .accessDenied, .other: self.init("refused", 403, 77, detail)
        }
        oauthError = code.rawValue
    }

    // Servers differ more in how they read HTTP Basic than in anything else.
    private static func clientHints(_ name: String) -> [String] {
        [
            "the id or the secret is wrong or revoked; give the secret again: "
                + "bursar vault set \(name) --secret-stdin",
            "or the server reads it otherwise: --auth client_secret_post, client_secret_basic or "
                + "client_secret_basic_raw",
        ]
    }
}

extension BrokerError {
    /// Whether the server refused the client itself, so that asking on might lock it out.
    package var refusesClient: Bool {
        switch self {
        case .oauth(.refused(.invalidClient, _, _), _), .oauth(.refusedWithoutCode, _): true
        default: false
        }
    }

    /// Whether the same request may succeed a moment later.
    package var isWorthRepeating: Bool {
        switch self {
        case .unreachable, .oauth(.serverFailed, _): true
        default: false
        }
    }
}
