package import Sodium

extension OAuthError {
    /// The error without any text of the server's that repeats the client secret: as it is, form-encoded, or
    /// as HTTP Basic carries it.
    package func withholding(_ clientSecret: borrowing Secret, clientID: String) -> OAuthError {
        switch self {
        case .refused(let code, let description, let status):
            .refused(
                Self.repeats(code.rawText, clientSecret, clientID) ? .other("withheld") : code,
                description: description.flatMap {
                    Self.repeats($0, clientSecret, clientID) ? nil : $0
                }, status: status)
        case .redirected(let status, let host?)
        where Self.repeats(host, clientSecret, clientID):
            .redirected(status: status, host: nil)
        case .unsupportedTokenType(let type) where Self.repeats(type, clientSecret, clientID):
            .malformed(member: "token_type")
        default: self
        }
    }

    private static func repeats(
        _ text: String, _ clientSecret: borrowing Secret, _ clientID: String
    ) -> Bool {
        let bytes = Array(text.utf8)
        return TokenRequest.appearances(of: clientSecret, clientID: clientID) { appearance in
            contains(bytes.span, appearance)
        }
    }

    private static func contains(_ bytes: Span<UInt8>, _ part: borrowing Secret) -> Bool {
        part.withBytes { part in
            guard part.count <= bytes.count else { return false }
            return (0...(bytes.count - part.count)).contains { start in
                part.indices.allSatisfy { bytes[start + $0] == part[$0] }
            }
        }
    }
}
