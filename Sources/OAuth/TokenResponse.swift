/// A token endpoint's answer that holds a token
/// ([RFC 6749, section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
public struct TokenResponse: Sendable, Equatable {
    /// The token: visible ASCII characters.
    public let accessToken: String
    /// Its type: `Bearer`, whatever case the server writes.
    public let tokenType: String
    /// How long it lives; nil if the server says nothing of use.
    public let expiresIn: Duration?
    /// The scope, if the server names it.
    public let scope: String?

    /// Lifetimes above are read as this: ten years.
    public static let longestLifetime: Int64 = 10 * 365 * 86400

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - status: the HTTP status.
    ///   - contentType: the `Content-Type`; JSON under another one is read all the same.
    ///   - location: where a redirect leads, for the error.
    ///   - body: the whole body.
    /// - Throws: ``OAuthError``: a refusal, or what is wrong with the answer.
    public init(
        status: Int, contentType: String?, location: String? = nil, parsing body: Span<UInt8>
    ) throws(OAuthError) {
        if (300..<400).contains(status) {
            let host = location.flatMap { try? EndpointURL(parsing: $0, allowHTTPLoopback: true) }
            throw .redirected(status: status, host: host?.host)
        }
        let object = try? JSONValue(parsing: body)
        let error = object?["error"].flatMap { $0 == .null ? nil : $0 }
        // Whatever the body says of it, such a status is no judgement of the request.
        if Self.isTemporary(status: status) {
            throw .serverFailed(
                status: status, code: error?.text.flatMap { $0.isEmpty ? nil : ErrorCode($0) })
        }
        if let error { throw Self.refusal(error, object?["error_description"], status) }
        guard let object, case .object = object else {
            if [401, 403].contains(status), body.count == 0 {
                throw .refusedWithoutCode(status: status)
            }
            throw .notJSON(status: status, isHTML: Self.isHTML(body, contentType))
        }
        guard status == 200 else { throw .unexpectedStatus(status) }
        try self.init(object)
    }

    /// Whether a status says that the server can't now, and may be asked again.
    package static func isTemporary(status: Int) -> Bool {
        status >= 500 || [408, 425, 429].contains(status)
    }

    private init(_ object: JSONValue) throws(OAuthError) {
        guard let token = object["access_token"], token != .null else {
            throw .missing(member: "access_token")
        }
        guard let text = token.text, !text.isEmpty,
            text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) })
        else { throw .malformed(member: "access_token") }
        accessToken = text
        tokenType = try Self.tokenType(object["token_type"])
        expiresIn = Self.lifetime(object["expires_in"])
        switch object["scope"] {
        case nil, .null?: scope = nil
        case .string(let text)?
        where text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }):
            scope = text.isEmpty ? nil : text
        default: throw .malformed(member: "scope")
        }
    }

    // REQUIRED in section 5.1, and left out by some servers all the same.
    private static func tokenType(_ value: JSONValue?) throws(OAuthError) -> String {
        switch value {
        case nil, .null?: return "Bearer"
        case .string(let text)? where text.lowercased() == "bearer": return "Bearer"
        case .string(let text)?: throw .unsupportedTokenType(text)
        default: throw .malformed(member: "token_type")
        }
    }

    // Some servers send a string, some a fraction, some nonsense.
    private static func lifetime(_ value: JSONValue?) -> Duration? {
        let text: String
        switch value {
        case .number(let number)?: text = number
        case .string(let string)? where string.utf8.count <= 32: text = string
        default: return nil
        }
        guard let seconds = Double(text), seconds.isFinite || seconds > 0, seconds >= 1 else {
            return nil
        }
        return .seconds(Int64(min(seconds, Double(longestLifetime))))
    }

    private static func refusal(
        _ error: JSONValue, _ description: JSONValue?, _ status: Int
    ) -> OAuthError {
        guard let text = error.text, !text.isEmpty else { return .malformed(member: "error") }
        return .refused(
            ErrorCode(text), description: description?.text.flatMap(shown), status: status)
    }

    /// The first 200 characters of a refusal's words, if they keep to the set of section 5.2.
    private static func shown(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy {
            (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C
        }
        return isPlain && !text.isEmpty ? String(text.prefix(200)) : nil
    }

    private static func isHTML(_ body: Span<UInt8>, _ contentType: String?) -> Bool {
        if contentType?.lowercased().contains("html") == true { return true }
        var index = 0
        while index < body.count, body[index] <= 0x20 { index += 1 }
        return index < body.count && body[index] == UInt8(ascii: "<")
    }
}
