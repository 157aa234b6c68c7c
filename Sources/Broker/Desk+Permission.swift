internal import NIOHTTP1
internal import OAuth
internal import Vault

extension Desk {
    /// Decides whether a caller may have a token.
    ///
    /// - Parameters:
    ///   - name: the credential's name; there need not be one of it.
    ///   - ask: what the caller named.
    ///   - caller: who asks.
    ///   - isAdministrator: whether the caller may know which credentials there are.
    ///   - onlyByUnit: whether rules for users and groups do not count.
    /// - Returns: the permission.
    /// - Throws: ``BrokerError/refusedToken(name:uid:)``, to administrators
    ///   ``BrokerError/notAllowed(name:uid:)`` or the vault's own error; ``BrokerError/tryLater(_:after:)``
    ///   over the rule's limit.
    func grant(
        _ name: CredentialName, _ ask: TokenAsk, to caller: Caller, isAdministrator: Bool,
        onlyByUnit: Bool = false
    ) async throws(BrokerError) -> Grant {
        guard access.policy.needsRules else {
            let (record, credential) = try await keeper.knownCredential(named: name)
            return Grant(
                record: record, credential: credential, request: try ask.request(of: credential),
                rule: nil)
        }
        // Once more, if the credential was changed while its rules were looked at.
        for _ in 0..<2 {
            let allowance = try await keeper.allowance(named: name)
            guard let allowance,
                let rule = try await rule(ask, by: caller, of: allowance, onlyByUnit: onlyByUnit)
            else { throw try await refusal(name, of: caller, isAdministrator) }
            let (record, credential) = try await keeper.knownCredential(named: name)
            guard record.id == allowance.record.id, record.revision == allowance.record.revision
            else { continue }
            return Grant(
                record: record, credential: credential, request: try ask.request(of: credential),
                rule: rule)
        }
        throw .tryLater(.credentialChanged, after: nil)
    }

    /// The rule that allows what is asked for, and whose limit is not reached; nil if there is none.
    private func rule(
        _ ask: TokenAsk, by caller: Caller, of allowance: Allowance, onlyByUnit: Bool
    ) async throws(BrokerError) -> AllowedCaller? {
        var rules = allowance.rules.filter { $0.subject.isUnit || !onlyByUnit }
        var overLimit: BrokerError?
        while case .allowed(let rule) = await Permission.decide(
            ask, by: caller, of: allowance, rules, access.accounts)
        {
            do throws(BrokerError) {
                try access.limits.count(
                    rule, of: allowance.record.id, for: caller, at: clock.now())
                return rule
            } catch {
                overLimit = error
                rules.removeAll { $0 == rule }
            }
        }
        if let overLimit { throw overLimit }
        return nil
    }

    private func refusal(
        _ name: CredentialName, of caller: Caller, _ isAdministrator: Bool
    ) async throws(BrokerError) -> BrokerError {
        guard isAdministrator else {
            return .refusedToken(name: name.description, uid: caller.uid)
        }
        _ = try await keeper.credential(named: name)
        return .notAllowed(name: name.description, uid: caller.uid)
    }

    /// How often a refusal may be answered: none is answered between two ticks.
    ///
    /// A refusal is decided in memory alone, whether there is a credential of the name or not; what little
    /// its time still tells (which rules were looked at) ends here.
    static let refusalTick = Duration.milliseconds(2)

    /// Waits for the first tick, counted from the request's arrival, that is still to come.
    func waitForTheEndOfARefusal(since beganAt: ContinuousClock.Instant) async {
        var end = beganAt + Self.refusalTick
        while end <= clock.now() { end += Self.refusalTick }
        try? await clock.sleep(end)
    }

    /// The credentials that a caller who is no administrator gets tokens of: their names alone.
    func ownCredentials(_ caller: Caller) async throws(BrokerError) -> Answer {
        var names: [JSONValue] = []
        for (name, allowance) in try await keeper.allowances(for: caller) {
            guard await isAllowed(caller, allowance) else { continue }
            names.append(.members([("name", .string(name))]))
        }
        return .json(.ok, JSONValue.members([("credentials", .array(names))]).encoded())
    }

    // Some scope of it is enough; which, the caller may not know.
    private func isAllowed(_ caller: Caller, _ allowance: Allowance) async -> Bool {
        for rule in allowance.rules {
            var ask = TokenAsk()
            ask.use = rule.uses.first ?? .token
            ask.scopes = rule.scopes ?? []
            ask.audience = rule.audiences?.first
            ask.resources = rule.resources ?? []
            let permission = await Permission.decide(
                ask, by: caller, of: allowance, [rule], access.accounts)
            if case .allowed = permission { return true }
        }
        return false
    }

    /// An error as a caller may see it.
    ///
    /// What the authorization server described, where the vault is, and what administrators can do is for
    /// administrators.
    func problem(_ error: BrokerError, isAdministrator: Bool) -> Problem {
        guard access.policy.needsRules else { return Problem(error) }
        var problem = Problem(isAdministrator ? error : error.withoutDescription)
        guard isAdministrator else {
            if case .anotherVault = error { problem.detail = "the broker serves another vault" }
            if problem.hints.contains(where: { $0.contains("bursar ") || $0.contains("--fresh") }) {
                problem.hints = ["an administrator of this machine's broker can help"]
            }
            return problem
        }
        problem.hints = problem.hints.map {
            $0.replacing("bursar vault ", with: "bursar --system vault ")
                .replacing("bursar unlock", with: "bursar --system unlock")
                .replacing("bursar explain ", with: "bursar --system explain ")
        }
        return problem
    }
}

extension AllowedCaller.Subject {
    /// Whether it is a systemd unit.
    var isUnit: Bool {
        if case .unit = self { true } else { false }
    }
}
