/// An access token as the authorization server gave it, with the time when it ends.
package struct Token: Sendable, Equatable {
    package let accessToken: String
    package let tokenType: String
    /// What the server said it is good for; nil if it said nothing.
    package let scope: String?
    /// When the request for it was sent.
    package let requestedAt: ContinuousClock.Instant
    /// How long it lives from then on; nil if nobody knows.
    package let lifetime: Duration?

    package init(
        accessToken: String, tokenType: String, scope: String?,
        requestedAt: ContinuousClock.Instant, lifetime: Duration?
    ) {
        self.accessToken = accessToken
        self.tokenType = tokenType
        self.scope = scope
        self.requestedAt = requestedAt
        self.lifetime = lifetime
    }

    /// When it ends; nil if nobody knows.
    package var expiry: ContinuousClock.Instant? {
        lifetime.map { requestedAt + $0 }
    }
}

/// What tokens must have in common to be paid out for each other.
package struct TokenKey: Sendable, Hashable {
    package let credential: CredentialRevision
    package let scopes: Set<String>
    package let audience: String?
    package let resources: Set<String>

    package init(
        credential: CredentialRevision, scopes: Set<String>, audience: String?,
        resources: Set<String>
    ) {
        self.credential = credential
        self.scopes = scopes
        self.audience = audience
        self.resources = resources
    }
}

/// A credential as it was at one time: whatever is changed in it makes another revision.
package struct CredentialRevision: Sendable, Hashable {
    package let id: [UInt8]
    package let revision: UInt64

    package init(id: [UInt8], revision: UInt64) {
        self.id = id
        self.revision = revision
    }
}

/// How good a token the caller wants, and how long it waits.
package struct TokenDemand: Sendable {
    /// How long the token must still live; nil for 60 s, or half of its lifetime if that is less.
    package var minimumValidity: Duration?
    /// Whether a cached token will not do.
    package var isFresh: Bool
    /// When the caller stops waiting.
    package var deadline: ContinuousClock.Instant
    /// Whether the bounds that spare the authorization server do not hold.
    package var isAdministrator: Bool
    /// Called when the wait for the authorization server begins.
    package var noteWait: @Sendable () -> Void = {}

    package init(
        minimumValidity: Duration? = nil, isFresh: Bool = false,
        deadline: ContinuousClock.Instant, isAdministrator: Bool
    ) {
        self.minimumValidity = minimumValidity
        self.isFresh = isFresh
        self.deadline = deadline
        self.isAdministrator = isAdministrator
    }

    /// Whether a token satisfies the demand's validity at a time.
    package func isSatisfied(by token: Token, at now: ContinuousClock.Instant) -> Bool {
        guard let expiry = token.expiry, let lifetime = token.lifetime, expiry > now else {
            return false
        }
        return expiry - now >= minimumValidity ?? Self.usualValidity(lifetime: lifetime)
    }

    /// How long a token must still live for a demand that does not say.
    package static func usualValidity(lifetime: Duration) -> Duration {
        min(.seconds(60), lifetime / 2)
    }

    /// Whether any token will do that is alive, where no better one is to be had.
    var isModest: Bool { minimumValidity == nil && !isFresh }
}
