internal import NIOCore
internal import NIOHTTP1
internal import OAuth
internal import Sodium
internal import Vault

extension Desk {
    /// `GET /v1/credentials/{name}/token`: from the cache, or from the authorization server.
    func token(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        let query = request.query
        let timeout = try query.duration("timeout") ?? Self.usualTimeout
        guard timeout > .zero, timeout <= Self.longestTimeout else {
            throw .badRequest("the timeout is between 1s and 10m")
        }
        let demand = TokenDemand(
            minimumValidity: try query.duration("min_valid"), isFresh: try query.isOn("fresh"),
            deadline: clock.now() + timeout, isAdministrator: request.isAdministrator)
        let (record, credential) = try await keeper.knownCredential(named: name)
        let tokenRequest = try Self.tokenRequest(query, credential)
        let key = TokenKey(
            credential: CredentialRevision(id: record.id, revision: record.revision),
            scopes: Set(tokenRequest.scopes), audience: tokenRequest.audience,
            resources: Set(tokenRequest.resources))
        let token = try await cache.token(for: key, demand) { [requester, keeper, cache] deadline in
            do throws(BrokerError) {
                return .success(
                    try await requester.token(
                        tokenRequest, for: credential, named: name.description, by: deadline,
                        noteRepeat: { await cache.noteRepeat(key.credential) },
                        openSecret: { () async throws(BrokerError) in
                            try await keeper.secret(of: record)
                        }))
            } catch {
                return .failure(error)
            }
        }
        if request.wantsPlainText {
            return Answer(
                status: .ok, contentType: "text/plain; charset=utf-8",
                body: Array(token.accessToken.utf8))
        }
        return .json(.ok, object(token, asked: tokenRequest.scopes))
    }

    private static func tokenRequest(
        _ query: Query, _ credential: Credential
    ) throws(BrokerError) -> TokenRequest {
        let scopes = query.text("scope")?.split(separator: " ").map(String.init) ?? []
        let resources = query.list("resource")
        do {
            return try TokenRequest(
                scopes: scopes.isEmpty ? credential.scopes : scopes,
                audience: query.text("audience") ?? credential.audience,
                resources: resources.isEmpty ? credential.resources : resources,
                parameters: credential.parameters)
        } catch {
            throw .badRequest(error.description)
        }
    }

    private func object(_ token: Token, asked: [String]) -> [UInt8] {
        let scope = token.scope ?? (asked.isEmpty ? nil : asked.joined(separator: " "))
        let expiry: JSONValue =
            token.expiry.map { .string(rfc3339(clock.wallSeconds(at: $0))) } ?? .null
        var members: [(String, JSONValue)] = [
            ("version", .integer(1)), ("access_token", .string(token.accessToken)),
            ("token_type", .string(token.tokenType)), ("expires_at", expiry),
        ]
        if let scope { members.append(("scope", .string(scope))) }
        return JSONValue.members(members).encoded()
    }
}
