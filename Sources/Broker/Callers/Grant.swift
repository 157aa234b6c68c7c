internal import OAuth
internal import Vault

/// A caller's permission to have one token, with all that is needed to get it.
struct Grant: Sendable {
    let record: Record
    let credential: Credential
    /// What the authorization server is asked for.
    let request: TokenRequest
    /// The rule that allows it; nil in a user's own broker.
    let rule: AllowedCaller?

    /// Checks that the server gave no more than the rule allows.
    ///
    /// - Throws: ``BrokerError/scopeBeyondRule(name:scopes:)``.
    func requireScope(of token: Token) throws(BrokerError) {
        let excess = rule?.excess(
            ofAnswered: token.scope, asked: request.scopes, stored: credential.scopes)
        guard let excess, !excess.isEmpty else { return }
        throw .scopeBeyondRule(name: record.name, scopes: excess)
    }
}

extension TokenAsk {
    /// Reads what a caller named in a query.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` for what no token request can have.
    init(_ query: Query) throws(BrokerError) {
        self.init()
        scopes = query.text("scope")?.split(separator: " ").map(String.init) ?? []
        audience = query.text("audience")
        resources = query.list("resource")
        if let name = query.text("use") {
            guard let use = AllowedCaller.Use(rawValue: name) else {
                throw .badRequest("a use is token, proxy or proof")
            }
            self.use = use
        }
        // Before a credential is looked for: what is wrong with the words must not depend on it.
        _ = try request(of: nil)
    }

    /// The token request for what was named, and for what the credential has where nothing was.
    func request(of credential: Credential?) throws(BrokerError) -> TokenRequest {
        do {
            return try TokenRequest(
                scopes: scopes.isEmpty ? credential?.scopes ?? [] : scopes,
                audience: audience ?? credential?.audience,
                resources: resources.isEmpty ? credential?.resources ?? [] : resources,
                parameters: credential?.parameters ?? [])
        } catch {
            throw .badRequest(error.description)
        }
    }
}
