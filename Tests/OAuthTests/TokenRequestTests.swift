import Sodium
import Testing

@testable import OAuth

private func encode(
    _ request: TokenRequest, id: String, secret: String, _ method: ClientAuthenticationMethod
) throws -> (body: String, authorization: String?) {
    let bytes = Array(secret.utf8)
    let encoded = try request.encoded(
        clientID: id, clientSecret: Secret(copying: bytes.span), method: method)
    var authorization: String?
    encoded.withAuthorization { value in
        authorization = value.withBytes { String(decoding: $0.copied(), as: UTF8.self) }
    }
    let body = encoded.body.withBytes { String(decoding: $0.copied(), as: UTF8.self) }
    return (body, authorization)
}

private func base64(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let secret = Secret(byteCount: Base64.byteCount(of: bytes.count)) { output in
        Base64.append(bytes.span, to: &output)
    }
    return secret.withBytes { String(decoding: $0.copied(), as: UTF8.self) }
}

struct TokenRequestTests {
    @Test func putsIDAndSecretInTheForm() throws {
        let (body, authorization) = try encode(
            TokenRequest(), id: "id", secret: "s3cret", .clientSecretPost)
        #expect(body == "grant_type=client_credentials&client_id=id&client_secret=s3cret")
        #expect(authorization == nil)
    }

    @Test func sendsScopeAudienceResourceAndParametersInThisOrder() throws {
        let request = try TokenRequest(
            scopes: ["read", "write"], audience: "a b", resources: ["https://x/", "urn:y"],
            parameters: [.init(name: "z", value: "1"), .init(name: "y", value: "&=")])
        let (body, _) = try encode(request, id: "id", secret: "s", .clientSecretBasic)
        #expect(
            body
                == "grant_type=client_credentials&scope=read%20write&audience=a%20b"
                + "&resource=https%3A%2F%2Fx%2F&resource=urn%3Ay&z=1&y=%26%3D")
    }

    @Test(arguments: [
        (
            ClientAuthenticationMethod.clientSecretBasic, "a:b", "c d/+%é",
            "a%3Ab:c%20d%2F%2B%25%C3%A9"
        ),
        (.clientSecretBasic, "A-z.0_9~", "A-z.0_9~", "A-z.0_9~:A-z.0_9~"),
        (.clientSecretBasicRaw, "a", "c d/+%é:", "a:c d/+%é:"),
    ])
    func basicCarries(
        method: ClientAuthenticationMethod, id: String, secret: String, user: String
    ) throws {
        let (body, authorization) = try encode(TokenRequest(), id: id, secret: secret, method)
        #expect(body == "grant_type=client_credentials")
        #expect(authorization == "Basic " + base64(user))
    }

    @Test func rawBasicCanNotCarryAColonInTheID() {
        #expect(throws: OAuthError.badClientID) {
            _ = try encode(TokenRequest(), id: "a:b", secret: "s", .clientSecretBasicRaw)
        }
    }

    @Test func noneSendsTheIDAlone() throws {
        let (body, authorization) = try encode(TokenRequest(), id: "id", secret: "s", .none)
        #expect(body == "grant_type=client_credentials&client_id=id")
        #expect(authorization == nil)
    }

    @Test func carriesEveryByteASecretCanHave() throws {
        let bytes = (0..<65_536).map { UInt8(truncatingIfNeeded: $0) }
        let encoded = try TokenRequest().encoded(
            clientID: "id", clientSecret: Secret(copying: bytes.span), method: .clientSecretPost)
        let body = encoded.body.withBytes { $0.copied() }
        let prefix = Array("grant_type=client_credentials&client_id=id&client_secret=".utf8)
        #expect(body.starts(with: prefix))
        #expect(decoded(body.dropFirst(prefix.count)) == bytes)
    }

    private func decoded(_ form: ArraySlice<UInt8>) -> [UInt8] {
        var rest = form
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            result.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return result
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"), ("\u{0}>>???~~", "AD4+Pz8/fn4="),
    ])
    func encodesTheVectorsOfBase64(text: String, expected: String) {
        #expect(base64(text) == expected)
    }

    @Test func encodesEveryCharacterOfBase64() {
        var triples: [UInt8] = []
        for value in stride(from: 0, to: 64, by: 4) {
            let group = value << 18 | (value + 1) << 12 | (value + 2) << 6 | (value + 3)
            triples += [UInt8(group >> 16), UInt8(group >> 8 & 255), UInt8(group & 255)]
        }
        let text = String(decoding: triples.map { $0 }, as: UTF8.self)
        _ = text
        let secret = Secret(byteCount: 64) { Base64.append(triples.span, to: &$0) }
        #expect(
            secret.withBytes { String(decoding: $0.copied(), as: UTF8.self) }
                == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    }

    @Test(arguments: ["", "a b", "a\"b", "a\\b", "é", "a\n"])
    func refusesWhatIsNoScope(scope: String) {
        #expect(throws: OAuthError.badScope(scope)) { _ = try TokenRequest(scopes: [scope]) }
    }

    @Test(arguments: [
        "grant_type", "client_id", "client_secret", "client_assertion", "scope", "audience",
        "resource", "assertion", "assertion_type", "refresh_token", "code", "code_verifier",
        "subject_token", "actor_token_type", "Client_Secret", "", "a\nb",
    ])
    func refusesParametersOfTheProtocol(name: String) {
        #expect(throws: OAuthError.badParameter(name)) {
            _ = try TokenRequest(parameters: [.init(name: name, value: "x")])
        }
    }
}

struct EndpointURLTests {
    @Test(arguments: [
        (
            "https://sso.example.com/as/token.oauth2", "sso.example.com", 443,
            "https://sso.example.com"
        ),
        ("HTTPS://Host:8443/x?y=z", "host", 8443, "https://host:8443"),
        ("https://[::1]:99/t", "::1", 99, "https://[::1]:99"),
    ])
    func reads(text: String, host: String, port: Int, origin: String) throws {
        let url = try EndpointURL(parsing: text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.origin == origin)
    }

    @Test(arguments: [
        ("", OAuthError.Reason.malformed), ("host/path", .malformed), ("https://", .malformed),
        ("https://a b/", .malformed), ("https://h:0/", .malformed),
        ("https://h:65536/", .malformed),
        ("https://h:x/", .malformed), ("https://é/", .malformed), ("https://h/\n", .malformed),
        ("https://[::1/", .malformed), ("ftp://h/", .notHTTPS), ("http://example.com/", .notHTTPS),
        ("http://127.0.0.1.example.com/", .notHTTPS), ("https://h/#f", .fragment),
        ("http://localhost/", .httpLoopback), ("http://127.0.0.1:1/", .httpLoopback),
    ])
    func refuses(text: String, reason: OAuthError.Reason) {
        #expect(throws: OAuthError.badURL(text, reason)) { _ = try EndpointURL(parsing: text) }
    }

    /// The user of a URL may be a secret: it is not even in the error.
    @Test func refusesAUserWithoutRepeatingIt() {
        #expect(throws: OAuthError.badURL("https://…", .userInfo)) {
            _ = try EndpointURL(parsing: "https://u:p@h/")
        }
    }

    @Test(arguments: ["http://localhost/t", "http://127.9.8.7:1/t", "http://[::1]/t"])
    func takesPlainHTTPToThisMachineIfToldSo(text: String) throws {
        _ = try EndpointURL(parsing: text, allowHTTPLoopback: true)
    }
}

struct PresetTests {
    @Test func greenLakeNeedsNothingElse() throws {
        let preset = try Preset.named("hpe-greenlake")
        #expect(preset.method == .clientSecretPost)
        #expect(
            try preset.tokenURL(settings: []).text
                == "https://sso.common.cloud.hpe.com/as/token.oauth2")
    }

    @Test func aWorkspaceIsPartOfThePath() throws {
        let preset = try Preset.named("hpe-greenlake-workspace")
        let settings = [TokenRequest.Parameter(name: "workspace", value: "0a1b-2c")]
        #expect(preset.method == .clientSecretPost)
        #expect(
            try preset.tokenURL(settings: settings).text
                == "https://global.api.greenlake.hpe.com/authorization/v2/oauth2/0a1b-2c/token")
    }

    @Test(arguments: ["", "a/b", "..", "a?b", "a b", "%2e"])
    func refusesAWorkspaceThatIsNoPartOfAPath(value: String) throws {
        let preset = try Preset.named("hpe-greenlake-workspace")
        #expect(
            throws: OAuthError.badSetting(
                preset: "hpe-greenlake-workspace", key: "workspace", .malformed)
        ) {
            _ = try preset.tokenURL(settings: [.init(name: "workspace", value: value)])
        }
    }

    @Test func namesWhatIsMissingOrUnknown() throws {
        #expect(throws: OAuthError.unknownPreset("x")) { _ = try Preset.named("x") }
        let plain = try Preset.named("hpe-greenlake")
        #expect(throws: OAuthError.badSetting(preset: "hpe-greenlake", key: "w", .unknown)) {
            _ = try plain.tokenURL(settings: [.init(name: "w", value: "1")])
        }
        let workspace = try Preset.named("hpe-greenlake-workspace")
        #expect(
            throws: OAuthError.badSetting(
                preset: "hpe-greenlake-workspace", key: "workspace", .missing)
        ) { _ = try workspace.tokenURL(settings: []) }
    }
}
