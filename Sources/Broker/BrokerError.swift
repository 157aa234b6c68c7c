package import Host
package import OAuth
package import Vault

/// Why the broker does not do what a caller asked for; ``Problem`` gives each its words and its code.
package indirect enum BrokerError: Error, Equatable, Sendable {
    /// The request itself is wrong: what is, in words.
    case badRequest(String)
    /// No such path.
    case notFound
    /// The path is there, but not for this method.
    case methodNotAllowed(allowed: [String])
    /// A body or a head beyond its limit, in bytes.
    case tooLarge(what: String, limit: Int)
    /// The request did not arrive whole in time.
    case requestTimedOut
    /// A body of another type than the path takes.
    case wrongContentType(expected: String)
    /// The caller may not, or the credential does not exist; which of both stays untold.
    case denied
    /// No token for a caller: the credential does not exist, or no rule allows it this; which of both stays
    /// untold.
    case refusedToken(name: String, uid: UInt32)
    /// The same for an administrator, who may know that the credential exists.
    case notAllowed(name: String, uid: UInt32)
    /// The server answered scopes that the rule does not have.
    case scopeBeyondRule(name: String, scopes: [String])
    /// There is no such rule to take back; whom it would be for.
    case noSuchRule(name: String, subject: String)
    /// A header that says that the request came through somebody else's door.
    case foreignDoor(header: String)
    /// The vault is locked.
    case locked
    /// The client means another vault than this broker's.
    case anotherVault(asked: String, served: String)
    /// The vault refused.
    case vault(VaultError)
    /// Where the secret goes would change, and no secret came with it.
    case destinationChanged(name: String)
    /// The metadata of a credential, or its preset, is no use.
    case badCredential(OAuthError)
    /// The address of a proxy is none.
    case badProxy(String)
    /// The authorization server's answer, or its refusal.
    case oauth(OAuthError, Endpoint)
    /// No connection to the token endpoint, and why.
    case unreachable(Endpoint, cause: String)
    /// Its certificate or TLS is not to be trusted, and why.
    case untrusted(Endpoint, TLSFault)
    /// Connected, but no answer in time.
    case noAnswer(Endpoint)
    /// The caller's time ran out while somebody else's request went on.
    case timedOut
    /// Beyond a bound, or before its time.
    case tryLater(Delay, after: Duration?)
    /// The server refused this client lately; until when (seconds since 1970) it is not asked again.
    case paused(BrokerError, until: Double)
    /// A system broker can't start.
    case start(StartFault)
    /// The audit trail can't be written, so nothing is paid out and nothing is changed.
    case trail(HostError)
    /// A fault of the program.
    case internalFault(String)

    /// Whose token endpoint it was.
    package struct Endpoint: Equatable, Sendable {
        package let credential: String
        package let host: String
        package let hasProxy: Bool

        package init(credential: String, host: String, hasProxy: Bool) {
            self.credential = credential
            self.host = host
            self.hasProxy = hasProxy
        }
    }

    /// What is wrong with the TLS of a token endpoint.
    package enum TLSFault: String, Equatable, Sendable {
        case expired = "its certificate has expired"
        case notYetValid = "its certificate is not valid yet"
        case expiredChain = "a certificate of its chain has expired"
        case unknownCA = "its certificate is not signed by a trusted CA"
        case wrongName = "its certificate is for another name"
        case handshake = "the TLS handshake failed"
        case broken = "the TLS connection failed"
    }

    /// What there is to wait for.
    package enum Delay: Equatable, Sendable {
        /// The token endpoint named a time (`Retry-After`).
        case serverAsked(Endpoint)
        /// The credential's requests for this minute are spent.
        case budget
        /// The rule's payouts to this uid for this minute are spent.
        case callerLimit(perMinute: Int)
        /// The credential was changed while its token was asked for.
        case credentialChanged
        /// The broker is about to end.
        case stopping
    }
}

extension BrokerError {
    /// The error without what the authorization server wrote in its own words: that is for the vault's owner.
    var withoutDescription: BrokerError {
        switch self {
        case .oauth(.refused(let code, _, let status), let endpoint):
            .oauth(.refused(code, description: nil, status: status), endpoint)
        case .paused(let error, let until): .paused(error.withoutDescription, until: until)
        default: self
        }
    }

    /// Whether the change that failed may be in the vault all the same: it was written, and then something
    /// could not be synced.
    var mayHaveChangedTheVault: Bool {
        switch self {
        case .vault(.logInUse), .vault(.host), .vault(.io): true
        default: false
        }
    }

    /// Whether it says nothing against a token that is still alive: the server, or the way to it, is in
    /// trouble, has refused, or must not be asked now.
    var leavesTokensAlone: Bool {
        switch self {
        case .unreachable, .untrusted, .noAnswer, .timedOut, .oauth, .paused,
            .tryLater(.serverAsked, _), .tryLater(.budget, _):
            true
        default: false
        }
    }

    /// Whether the server has refused, and the same request hardly fares better a moment later.
    var isRefusal: Bool {
        if case .oauth = self { !isWorthRepeating } else { false }
    }
}
