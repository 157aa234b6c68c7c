/// The `error` of a refusal ([RFC 6749, section 5.2][s]), and those of later documents and of the field.
///
/// [s]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
public enum ErrorCode: Equatable, Hashable, Sendable {
    /// The request lacks something, or has something twice.
    case invalidRequest
    /// The client is not known, or did not prove itself.
    case invalidClient
    /// The grant is not valid any more.
    case invalidGrant
    /// The client may not use this grant.
    case unauthorizedClient
    /// The server does not know this grant.
    case unsupportedGrantType
    /// The scope is not known, or beyond what the client may have.
    case invalidScope
    /// Somebody said no ([RFC 8628, section 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)).
    case accessDenied
    /// The server has a fault (section 4.1.2.1).
    case serverError
    /// The server is busy (section 4.1.2.1).
    case temporarilyUnavailable
    /// The resource is not known ([RFC 8707, section 2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
    case invalidTarget
    /// A code of no document, as the server wrote it.
    case other(String)

    private static let registered: [String: ErrorCode] = [
        "invalid_request": .invalidRequest, "invalid_client": .invalidClient,
        "invalid_grant": .invalidGrant, "unauthorized_client": .unauthorizedClient,
        "unsupported_grant_type": .unsupportedGrantType, "invalid_scope": .invalidScope,
        "access_denied": .accessDenied, "server_error": .serverError,
        "temporarily_unavailable": .temporarilyUnavailable, "invalid_target": .invalidTarget,
    ]

    /// Takes a server's word.
    public init(_ text: String) {
        self = Self.registered[text] ?? .other(text)
    }

    /// The registered word, or the server's own, escaped, of at most 64 characters.
    public var rawValue: String {
        if case .other(let text) = self { return escaped(text) }
        return Self.registered.first { $0.value == self }?.key ?? ""
    }
}
