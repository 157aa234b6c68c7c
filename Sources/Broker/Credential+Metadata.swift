package import OAuth

extension Credential {
    /// Reads metadata: one JSON object, as Protocol.md lists its members.
    ///
    /// - Parameters:
    ///   - metadata: UTF-8 JSON.
    ///   - isStored: whether the vault has it already, all that its preset gave included; the preset
    ///     itself may be one of another version then.
    /// - Throws: ``BrokerError/badRequest(_:)``, or ``BrokerError/badCredential(_:)`` for what the
    ///   protocol does not allow.
    package init(parsing metadata: Span<UInt8>, isStored: Bool = false) throws(BrokerError) {
        let object: JSONValue
        do {
            object = try JSONValue(parsing: metadata)
        } catch {
            throw .badRequest("the metadata is no JSON object, or has a member twice")
        }
        var members = try MetadataMembers(object)
        for name in ["name", "rotation"] { _ = members.take(name) }
        let allowedCallers = members.take("allowed_callers")
        let allowsHTTPLoopback = try members.bool("allow_http_loopback")
        let preset = try members.text("preset")
        let settings = try members.parameters("settings")
        do throws(OAuthError) {
            var known: Preset?
            if let preset, !isStored { known = try Preset.named(preset) }
            try self.init(
                clientID: "",
                tokenURL: Self.tokenURL(
                    members.takenText("token_url"), known, settings, allowsHTTPLoopback),
                method: known?.method ?? .clientSecretBasic)
        } catch {
            throw .badCredential(error)
        }
        self.allowsHTTPLoopback = allowsHTTPLoopback
        self.preset = preset
        self.settings = settings
        try read(&members)
        // A PUT changes no rules: they would be those that its client has read some time before.
        if isStored { try readRules(allowedCallers) }
        try members.requireNoMore()
        try validate()
    }

    private static func tokenURL(
        _ text: String?, _ preset: Preset?, _ settings: [TokenRequest.Parameter],
        _ allowsHTTPLoopback: Bool
    ) throws(OAuthError) -> EndpointURL {
        if let preset {
            let usual = try preset.tokenURL(settings: settings)
            if text == nil { return usual }
        }
        guard let text else { throw .missing(member: "token_url") }
        return try EndpointURL(parsing: text, allowHTTPLoopback: allowsHTTPLoopback)
    }

    private mutating func read(_ members: inout MetadataMembers) throws(BrokerError) {
        guard let clientID = try members.text("client_id") else {
            throw .badRequest("the client id is missing")
        }
        self.clientID = clientID
        if let text = try members.text("auth") {
            guard let method = ClientAuthenticationMethod(rawValue: text) else {
                throw .badRequest(
                    "\"\(escaped(text))\" is no authentication method of this version")
            }
            self.method = method
        }
        scopes = try members.texts("scopes")
        audience = try members.text("audience")
        resources = try members.texts("resources")
        parameters = try members.parameters("params")
        origins = try members.texts("origins")
        basicUsername = try members.text("basic_username")
        caCertificates = try members.text("ca_certificates")
        defaultExpiresIn = try members.integer("default_expires_in")
        expiresAt = try members.text("expires_at")
        createdAt = try members.text("created_at") ?? ""
        updatedAt = try members.text("updated_at") ?? ""
        if let text = try members.text("proxy") {
            guard let proxy = ProxyURL(text) else {
                throw .badProxy(text)
            }
            self.proxy = proxy
        }
    }

    private mutating func readRules(_ value: JSONValue?) throws(BrokerError) {
        switch value {
        case nil: return
        case .array(let rules)?:
            for rule in rules { allowedCallers.append(try AllowedCaller(rule)) }
        default: throw .badRequest("allowed_callers is no array")
        }
    }

    /// The metadata as the vault keeps it.
    package func encoded() -> [UInt8] {
        JSONValue.members(members).encoded()
    }

    /// The credential as administrators see it.
    package func shown(as name: String) -> JSONValue {
        .members([("name", .string(name))] + members + [("rotation", .string("none"))])
    }

    private var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [
            ("client_id", .string(clientID)), ("token_url", .string(tokenURL.text)),
            ("auth", .string(method.rawValue)),
        ]
        func add(_ name: String, _ text: String?) {
            if let text, !text.isEmpty { members.append((name, .string(text))) }
        }
        func add(_ name: String, _ list: [String]) {
            if !list.isEmpty { members.append((name, .array(list.map { .string($0) }))) }
        }
        func add(_ name: String, _ parameters: [TokenRequest.Parameter]) {
            guard !parameters.isEmpty else { return }
            members.append((name, .members(parameters.map { ($0.name, .string($0.value)) })))
        }
        add("preset", preset)
        add("settings", settings)
        add("scopes", scopes)
        add("audience", audience)
        add("resources", resources)
        add("params", parameters)
        add("origins", origins)
        add("basic_username", basicUsername)
        add("ca_certificates", caCertificates)
        add("proxy", proxy?.text)
        if allowsHTTPLoopback { members.append(("allow_http_loopback", .bool(true))) }
        if let defaultExpiresIn {
            members.append(("default_expires_in", .integer(defaultExpiresIn)))
        }
        add("expires_at", expiresAt)
        if !allowedCallers.isEmpty {
            members.append(("allowed_callers", .array(allowedCallers.map(\.json))))
        }
        add("created_at", createdAt)
        add("updated_at", updatedAt)
        return members
    }
}
