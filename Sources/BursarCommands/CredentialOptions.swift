internal import ArgumentParser
internal import Host

/// The flags that describe a credential, for `vault add` and `vault set`.
struct CredentialOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What is known of an authorization server.", valueName: "name"))
    var preset: String?
    @Option(help: ArgumentHelp("What the preset asks for.", valueName: "key=value"))
    var set: [String] = []
    @Option(help: ArgumentHelp("The token endpoint.", valueName: "url"))
    var tokenUrl: String?
    @Option(help: ArgumentHelp("The client's id.", valueName: "id"))
    var clientId: String?
    @Option(
        help: ArgumentHelp(
            "client_secret_basic, client_secret_basic_raw, client_secret_post or none.",
            valueName: "method"))
    var auth: String?
    @Option(help: ArgumentHelp("A scope to ask for; repeatable.", valueName: "scope"))
    var scope: [String] = []
    @Option(help: ArgumentHelp("Whom tokens are for.", valueName: "audience"))
    var audience: String?
    @Option(help: ArgumentHelp("What tokens are for (RFC 8707); repeatable.", valueName: "uri"))
    var resource: [String] = []
    @Option(
        help: ArgumentHelp("An extra parameter of the form; repeatable.", valueName: "key=value"))
    var param: [String] = []
    @Option(help: ArgumentHelp("Where tokens may be sent; repeatable.", valueName: "https://host"))
    var origin: [String] = []
    @Option(
        help: ArgumentHelp("CA certificates instead of the system's.", valueName: "pem"),
        completion: .file())
    var caFile: String?
    @Option(help: ArgumentHelp("An HTTP proxy: http://HOST[:PORT].", valueName: "url"))
    var proxy: String?
    @Option(help: ArgumentHelp("The user for clients that want one.", valueName: "name"))
    var basicUsername: String?
    @Flag(help: "Allow plain http to this machine itself.")
    var allowHttpLoopback = false
    @Option(help: ArgumentHelp("Lifetime of tokens that name none.", valueName: "seconds"))
    var defaultExpiresIn: Int?
    @Option(
        help: ArgumentHelp("When the secret expires: 2027-03-31 or RFC 3339.", valueName: "date"))
    var expires: String?

    private static let methods = [
        "client_secret_basic", "client_secret_basic_raw", "client_secret_post", "none",
    ]

    func validate() throws {
        if let auth, !Self.methods.contains(auth) {
            throw ValidationError("\"\(auth)\" is no authentication method of this version")
        }
    }

    /// Puts what was given into a document; lists are replaced whole.
    func apply(to document: inout CredentialDocument) throws(Failure) {
        if preset != nil || !set.isEmpty {
            document.preset = preset ?? document.preset
            document.settings = set.isEmpty ? nil : try Self.pairs(set, "--set")
            document.token_url = nil
            if preset != nil { document.auth = nil }
        }
        document.token_url = tokenUrl ?? document.token_url
        document.client_id = clientId ?? document.client_id
        document.auth = auth ?? document.auth
        if !scope.isEmpty {
            document.scopes = scope.flatMap { $0.split(separator: " ").map(String.init) }
        }
        document.audience = audience ?? document.audience
        if !resource.isEmpty { document.resources = resource }
        if !param.isEmpty { document.params = try Self.pairs(param, "--param") }
        if !origin.isEmpty { document.origins = origin }
        if let caFile { document.ca_certificates = try Self.certificates(caFile) }
        document.proxy = proxy ?? document.proxy
        document.basic_username = basicUsername ?? document.basic_username
        if allowHttpLoopback { document.allow_http_loopback = true }
        document.default_expires_in = defaultExpiresIn ?? document.default_expires_in
        document.expires_at = expires ?? document.expires_at
    }

    private static func pairs(
        _ texts: [String], _ option: String
    ) throws(Failure) -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw .usage("\(option) takes KEY=VALUE")
            }
            let name = String(text[..<equals])
            guard pairs[name] == nil else { throw .usage("\(option) \(name) is given twice") }
            pairs[name] = String(text[text.index(after: equals)...])
        }
        return pairs
    }

    private static func certificates(_ path: String) throws(Failure) -> String {
        do {
            let bytes = try PrivateFiles.readPublic(path, limit: 256 * 1024)
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw Failure(error)
        }
    }
}
