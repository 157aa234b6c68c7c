internal import Host
internal import Vault

extension AuditTrail {
    /// Writes that a token is paid out; only then it may leave.
    ///
    /// - Parameters:
    ///   - token: the token; its keyed hash is written.
    ///   - key: what it is for.
    ///   - caller: who gets it.
    ///   - rule: what allows that.
    /// - Throws: ``BrokerError/trail(_:)`` if it can't be written, ``BrokerError/locked``: it must not leave then.
    func paid(
        _ token: Token, for key: TokenKey, to caller: Caller, by rule: String
    ) throws(BrokerError) {
        guard let keys = opened()?.keys else { throw .locked }
        var event = AuditEvent(.token, by: caller)
        event.record = key.credential.id
        event.revision = key.credential.revision
        event.scopes = key.scopes.sorted()
        event.audience = key.audience
        event.resources = key.resources.sorted()
        event.rule = rule
        event.tokenHash = keys.hash(token: Array(token.accessToken.utf8).span)
        event.expiresAt = token.expiry.map { clock.wallSeconds(at: $0) }
        try append(event)
    }
}

extension Desk {
    /// Notes an error of the broker that refuses something to somebody.
    ///
    /// The caller is not told whether a credential exists; the trail is.
    func noteRefusal(_ error: BrokerError, of caller: Caller) async {
        guard let reason = error.refusal else { return }
        let isPassphrase = error == .vault(.wrongPassphrase)
        var event = AuditEvent(isPassphrase ? .wrongPassphrase : .refused, by: caller)
        event.reason = reason
        switch error {
        case .refusedToken(let name, _), .notAllowed(let name, _), .scopeBeyondRule(let name, _):
            let known = CredentialName(name)
            if let known { event.record = await keeper.recordID(named: known) }
            if event.record == nil { event.reason = "no_such_credential" }
        default: break
        }
        keeper.audit.refused(event)
    }

    /// The record id of a credential, for the log; nil if there is none, or the vault is locked.
    func recordID(named name: CredentialName) async -> [UInt8]? {
        try? await keeper.knownCredential(named: name).record.id
    }

    /// Notes that a request was refused by its head alone; waits for the disk.
    func noteRefusalOfHead(_ error: BrokerError, of caller: Caller) {
        guard let reason = error.refusal else { return }
        keeper.audit.refused(AuditEvent(.refused, by: caller, reason: reason))
    }
}

extension BrokerError {
    /// The audit trail's word for a refusal; nil for what is none.
    var refusal: String? {
        switch self {
        case .denied: "denied"
        case .refusedToken, .notAllowed: "not_allowed"
        case .scopeBeyondRule: "scope_beyond_rule"
        case .foreignDoor: "foreign_door"
        case .locked, .vault(.locked): "locked"
        case .vault(.wrongPassphrase): "wrong_passphrase"
        case .vault(.noSuchCredential): "no_such_credential"
        case .tryLater(.budget, _), .tryLater(.callerLimit, _): "over_limit"
        case .paused: "paused"
        default: nil
        }
    }
}
