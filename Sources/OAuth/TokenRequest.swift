/// What to ask a token endpoint for, by the client credentials grant
/// ([RFC 6749, section 4.4.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2)).
public struct TokenRequest: Sendable, Hashable {
    /// One extra parameter of the form.
    public struct Parameter: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its value.
        public let value: String

        /// A parameter as it was given; ``TokenRequest`` checks it.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The scopes, in the order in which they are sent.
    public let scopes: [String]
    /// Whom the token is for, where a server wants it so.
    public let audience: String?
    /// What the token is for ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)).
    public let resources: [String]
    /// Further parameters, sent last and in this order.
    public let parameters: [Parameter]

    /// Takes what to ask for.
    ///
    /// - Throws: ``OAuthError/badScope(_:)`` for what
    ///   [section 3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3) does not take, and
    ///   ``OAuthError/badParameter(_:)`` for a name that the protocol uses itself, that comes twice, or
    ///   for control characters.
    public init(
        scopes: [String] = [], audience: String? = nil, resources: [String] = [],
        parameters: [Parameter] = []
    ) throws(OAuthError) {
        for scope in scopes where !Self.isScope(scope) { throw .badScope(scope) }
        if let audience, !Self.isText(audience) { throw .badParameter("audience") }
        for resource in resources where !Self.isText(resource) { throw .badParameter("resource") }
        var names: Set<String> = []
        for parameter in parameters {
            guard Self.isText(parameter.name),
                parameter.value.isEmpty || Self.isText(parameter.value),
                !Self.isReserved(parameter.name), names.insert(parameter.name).inserted
            else { throw .badParameter(parameter.name) }
        }
        self.scopes = scopes
        self.audience = audience
        self.resources = resources
        self.parameters = parameters
    }

    /// Whether the protocol uses the name itself, so that no extra parameter may.
    public static func isReserved(_ name: String) -> Bool {
        let names: Set<String> = ["grant_type", "scope", "audience", "resource", "refresh_token"]
        let prefixes = ["client_", "assertion", "code", "subject_token", "actor_token"]
        let name = name.lowercased()
        return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
    }

    private static func isScope(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { (0x21..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }
    }

    private static func isText(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 8192
            && text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)
            }
    }
}
