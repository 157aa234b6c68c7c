internal import NIOCore
internal import NIOHTTP1
internal import OAuth
internal import Sodium
internal import Vault

extension Desk {
    /// `GET /v1/credentials/{name}/token`: from the cache, or from the authorization server.
    func token(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        let ask = try TokenAsk(request.query)
        let demand = try demand(request)
        let grant = try await grant(
            name, ask, to: request.caller, isAdministrator: request.isAdministrator)
        let token = try await token(grant, demand, to: request.caller)
        if request.wantsPlainText {
            return Answer(
                status: .ok, contentType: "text/plain; charset=utf-8",
                body: Array(token.accessToken.utf8))
        }
        return .json(.ok, object(token, asked: grant.request.scopes))
    }

    /// The token of a credential for a unit, as systemd asks for it at the credentials socket: only rules for
    /// its unit count.
    ///
    /// - Returns: the bare token's bytes.
    func credentialToken(
        _ name: CredentialName, for caller: Caller
    ) async throws(BrokerError) -> [UInt8] {
        do throws(BrokerError) {
            let grant = try await grant(
                name, TokenAsk(), to: caller, isAdministrator: false, onlyByUnit: true)
            let demand = TokenDemand(
                deadline: clock.now() + Self.usualTimeout, isAdministrator: false)
            return Array(try await token(grant, demand, to: caller).accessToken.utf8)
        } catch {
            await noteRefusal(error, of: caller)
            throw error
        }
    }

    private func demand(_ request: Request) throws(BrokerError) -> TokenDemand {
        let timeout = try request.query.duration("timeout") ?? Self.usualTimeout
        guard timeout > .zero, timeout <= Self.longestTimeout else {
            throw .badRequest("the timeout is between 1s and 10m")
        }
        var demand = TokenDemand(
            minimumValidity: try request.query.duration("min_valid"),
            isFresh: try request.query.isOn("fresh"), deadline: clock.now() + timeout,
            isAdministrator: request.isAdministrator)
        demand.noteWait = request.makesWay
        return demand
    }

    /// Gets a token, and writes that it is paid out.
    private func token(
        _ grant: Grant, _ demand: TokenDemand, to caller: Caller
    ) async throws(BrokerError) -> Token {
        let record = grant.record
        let key = TokenKey(
            credential: CredentialRevision(id: record.id, revision: record.revision),
            scopes: Set(grant.request.scopes), audience: grant.request.audience,
            resources: Set(grant.request.resources))
        let beganAt = clock.now()
        let token = try await cache.token(
            for: key, demand, request: asking(grant.request, record.name, key.credential))
        // While somebody waited, the time of `unlock --for` may have run out.
        if clock.now() - beganAt > Self.longestCacheLookUp, await keeper.isLocked { throw .locked }
        try grant.requireScope(of: token)
        try keeper.audit.paid(
            token, for: key, to: caller, by: grant.rule?.subject.description ?? "owner")
        return token
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
