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
        guard let (record, credential) = try await candidate(name, isAdministrator) else {
            throw .refusedToken(name: name.description, uid: caller.uid)
        }
        let request = try ask.request(of: credential)
        guard access.policy.needsRules else {
            return Grant(record: record, credential: credential, request: request, rule: nil)
        }
        let rules =
            onlyByUnit
            ? credential.allowedCallers.filter(\.subject.isUnit) : credential.allowedCallers
        switch await Permission.decide(ask, by: caller, of: credential, rules, access.accounts) {
        case .allowed(let rule):
            try access.limits.count(rule, of: record.id, for: caller.uid, at: clock.now())
            return Grant(record: record, credential: credential, request: request, rule: rule)
        case .refused:
            throw isAdministrator
                ? .notAllowed(name: name.description, uid: caller.uid)
                : .refusedToken(name: name.description, uid: caller.uid)
        }
    }

    /// The credential of a name; nil if there is none and the caller is not to know.
    private func candidate(
        _ name: CredentialName, _ isAdministrator: Bool
    ) async throws(BrokerError) -> (record: Record, credential: Credential)? {
        do throws(BrokerError) {
            return try await keeper.knownCredential(named: name)
        } catch .vault(.noSuchCredential) where !isAdministrator {
            return nil
        } catch {
            throw error
        }
    }

    /// How often a refusal may be answered: none is answered between two ticks.
    ///
    /// What a refusal took (a look-up in memory, a read of the file, nothing) would else tell whether the
    /// credential exists.
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
        for (name, credential) in try await keeper.credentialsWithRules() {
            guard await isAllowed(caller, credential) else { continue }
            names.append(.members([("name", .string(name))]))
        }
        return .json(.ok, JSONValue.members([("credentials", .array(names))]).encoded())
    }

    // Some scope of it is enough; which, the caller may not know.
    private func isAllowed(_ caller: Caller, _ credential: Credential) async -> Bool {
        for rule in credential.allowedCallers {
            var ask = TokenAsk()
            ask.use = rule.uses.first ?? .token
            ask.scopes = rule.scopes ?? []
            ask.audience = rule.audiences?.first
            ask.resources = rule.resources ?? []
            let permission = await Permission.decide(
                ask, by: caller, of: credential, [rule], access.accounts)
            if case .allowed = permission { return true }
        }
        return false
    }

    /// An error as a caller may see it.
    ///
    /// What the authorization server described, and what administrators can do, is for administrators.
    func problem(_ error: BrokerError, for request: Request) -> Problem {
        guard access.policy.needsRules else { return Problem(error) }
        guard request.isAdministrator else {
            var problem = Problem(error.withoutDescription)
            if problem.hints.contains(where: { $0.contains("bursar ") }) {
                problem.hints = ["an administrator of this machine's broker can help"]
            }
            return problem
        }
        var problem = Problem(error)
        problem.hints = problem.hints.map {
            $0.replacing("bursar vault ", with: "bursar --system vault ")
                .replacing("bursar unlock", with: "bursar --system unlock")
                .replacing("bursar lock", with: "bursar --system lock")
                .replacing("bursar audit", with: "bursar --system audit")
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
