package import Sodium

extension OAuthError {
    /// The error without any text of the server's that repeats the client secret, or a good part of it: as it
    /// is, percent-encoded, or as HTTP Basic carries it.
    package func withholding(_ clientSecret: borrowing Secret, clientID: String) -> OAuthError {
        switch self {
        case .refused(let code, let description, let status):
            .refused(
                Self.withholding(code, clientSecret, clientID) ?? .other("withheld"),
                description: description.flatMap {
                    Self.repeats($0, clientSecret, clientID) ? nil : $0
                }, status: status)
        case .serverFailed(let status, let code?):
            .serverFailed(status: status, code: Self.withholding(code, clientSecret, clientID))
        case .redirected(let status, let host?)
        where Self.repeats(host, clientSecret, clientID):
            .redirected(status: status, host: nil)
        case .unsupportedTokenType(let type) where Self.repeats(type, clientSecret, clientID):
            .malformed(member: "token_type")
        default: self
        }
    }

    // The registered words are no server's own.
    private static func withholding(
        _ code: ErrorCode, _ clientSecret: borrowing Secret, _ clientID: String
    ) -> ErrorCode? {
        guard case .other(let text) = code, repeats(text, clientSecret, clientID) else {
            return code
        }
        return nil
    }

    /// How many bytes in a row are a good part of a secret.
    private static let telling = 8

    /// What is longer than a person is shown is cut before it is searched.
    private static let longestText = 256

    private static func repeats(
        _ text: String, _ clientSecret: borrowing Secret, _ clientID: String
    ) -> Bool {
        let bytes = Array(text.utf8.prefix(longestText))
        return TokenRequest.appearances(of: clientSecret, clientID: clientID) { appearance in
            shares(bytes.span, appearance) || shares(decoded(bytes).span, appearance)
        }
    }

    /// Whether the text has a run of the part's bytes, in whatever case.
    private static func shares(_ text: Span<UInt8>, _ part: borrowing Secret) -> Bool {
        part.withBytes { part in
            let run = min(telling, part.count)
            guard run <= text.count else { return false }
            return (0...(text.count - run)).contains { start in
                (0...(part.count - run)).contains { offset in
                    (0..<run).allSatisfy {
                        lowered(text[start + $0]) == lowered(part[offset + $0])
                    }
                }
            }
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }

    /// The text as a form would be read: `%2F` and `+` as what they stand for.
    private static func decoded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return result
    }
}
