public import Sodium

/// A token request as bytes, the client's authentication among them.
public struct EncodedTokenRequest: ~Copyable, Sendable {
    /// The form, `application/x-www-form-urlencoded`.
    public let body: Secret
    /// The value of `Authorization`; nil if the client proves itself in the form, or not at all.
    private let authorization: Secret?

    init(body: consuming Secret, authorization: consuming Secret?) {
        self.body = body
        self.authorization = authorization
    }

    /// Lends the value of `Authorization`, if there is one.
    public borrowing func withAuthorization(_ body: (borrowing Secret) -> Void) {
        switch authorization {
        case .some(let value): body(value)
        case .none: break
        }
    }
}

extension TokenRequest {
    /// Forms the request for one client.
    ///
    /// - Parameters:
    ///   - clientID: the client's id.
    ///   - clientSecret: the client's secret, any bytes; not looked at with method `none`.
    ///   - method: how the client proves itself.
    /// - Returns: the bytes to send.
    /// - Throws: ``OAuthError/badClientID`` if raw HTTP Basic can't carry the id.
    public func encoded(
        clientID: String, clientSecret: borrowing Secret, method: ClientAuthenticationMethod
    ) throws(OAuthError) -> EncodedTokenRequest {
        switch method {
        case .clientSecretPost:
            EncodedTokenRequest(
                body: form(clientID: clientID, clientSecret: clientSecret), authorization: nil)
        case .none: EncodedTokenRequest(body: form(clientID: clientID), authorization: nil)
        case .clientSecretBasic:
            EncodedTokenRequest(
                body: form(), authorization: Self.basic(Self.encodedUser(clientID, clientSecret)))
        case .clientSecretBasicRaw:
            EncodedTokenRequest(
                body: form(), authorization: Self.basic(try Self.rawUser(clientID, clientSecret)))
        }
    }

    private var publicPairs: [(String, String)] {
        var pairs: [(String, String)] = []
        if !scopes.isEmpty { pairs.append(("scope", scopes.joined(separator: " "))) }
        if let audience { pairs.append(("audience", audience)) }
        pairs += resources.map { ("resource", $0) }
        pairs += parameters.map { ($0.name, $0.value) }
        return pairs
    }

    private func form(clientID: String? = nil) -> Secret {
        let pairs = (clientID.map { [("client_id", $0)] } ?? []) + publicPairs
        return Secret(byteCount: Self.byteCount(pairs)) { output in
            Self.append(Array("grant_type=client_credentials".utf8), to: &output)
            for (name, value) in pairs { Self.append(name, value, to: &output) }
        }
    }

    // The secret stands where curl's and most libraries' forms have it: after the id, before the scope.
    private func form(clientID: String, clientSecret: borrowing Secret) -> Secret {
        let pairs = publicPairs
        let capacity =
            Self.byteCount(pairs + [("client_id", clientID), ("client_secret", "")])
            + FormEncoding.byteCount(upTo: clientSecret.byteCount)
        return clientSecret.withBytes { bytes in
            Secret(byteCount: capacity) { output in
                Self.append(Array("grant_type=client_credentials".utf8), to: &output)
                Self.append("client_id", clientID, to: &output)
                Self.append(Array("&client_secret=".utf8), to: &output)
                FormEncoding.append(bytes, to: &output)
                for (name, value) in pairs { Self.append(name, value, to: &output) }
            }
        }
    }

    private static func byteCount(_ pairs: [(String, String)]) -> Int {
        pairs.reduce(32) { sum, pair in
            sum + 2 + FormEncoding.byteCount(upTo: pair.0.utf8.count + pair.1.utf8.count)
        }
    }

    private static func append(_ bytes: [UInt8], to output: inout OutputSpan<UInt8>) {
        for byte in bytes { output.append(byte) }
    }

    private static func append(
        _ name: String, _ value: String, to output: inout OutputSpan<UInt8>
    ) {
        output.append(UInt8(ascii: "&"))
        FormEncoding.append(name, to: &output)
        output.append(UInt8(ascii: "="))
        FormEncoding.append(value, to: &output)
    }

    /// `id:secret`, both form-encoded first ([section 2.3.1][s]).
    ///
    /// [s]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    private static func encodedUser(_ clientID: String, _ clientSecret: borrowing Secret) -> Secret
    {
        let capacity = FormEncoding.byteCount(
            upTo: clientID.utf8.count + clientSecret.byteCount)
        return clientSecret.withBytes { bytes in
            Secret(byteCount: capacity + 1) { output in
                FormEncoding.append(clientID, to: &output)
                output.append(UInt8(ascii: ":"))
                FormEncoding.append(bytes, to: &output)
            }
        }
    }

    private static func rawUser(
        _ clientID: String, _ clientSecret: borrowing Secret
    ) throws(OAuthError) -> Secret {
        // RFC 7617, section 2: the first colon ends the user.
        guard !clientID.utf8.contains(UInt8(ascii: ":")) else { throw .badClientID }
        let capacity = clientID.utf8.count + clientSecret.byteCount
        return clientSecret.withBytes { bytes in
            Secret(byteCount: capacity + 1) { output in
                append(Array(clientID.utf8), to: &output)
                output.append(UInt8(ascii: ":"))
                for index in bytes.indices { output.append(bytes[index]) }
            }
        }
    }

    /// Whether `body` is true of one of the forms that a secret has in a request: raw, form-encoded, or within
    /// HTTP Basic.
    static func appearances(
        of clientSecret: borrowing Secret, clientID: String, _ body: (borrowing Secret) -> Bool
    ) -> Bool {
        guard clientSecret.byteCount > 0 else { return false }
        if body(clientSecret) { return true }
        let encoded = clientSecret.withBytes { bytes in
            Secret(byteCount: FormEncoding.byteCount(upTo: bytes.count)) { output in
                FormEncoding.append(bytes, to: &output)
            }
        }
        if body(encoded) || body(base64(encodedUser(clientID, clientSecret))) { return true }
        guard let user = try? rawUser(clientID, clientSecret) else { return false }
        return body(base64(user))
    }

    private static func base64(_ bytes: borrowing Secret) -> Secret {
        bytes.withBytes { bytes in
            Secret(byteCount: Base64.byteCount(of: bytes.count)) { output in
                Base64.append(bytes, to: &output)
            }
        }
    }

    private static func basic(_ user: borrowing Secret) -> Secret {
        user.withBytes { bytes in
            Secret(byteCount: 6 + Base64.byteCount(of: bytes.count)) { output in
                append(Array("Basic ".utf8), to: &output)
                Base64.append(bytes, to: &output)
            }
        }
    }
}
