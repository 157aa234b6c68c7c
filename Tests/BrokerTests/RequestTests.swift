import Testing

@testable import Broker
@testable import OAuth

struct RouteTests {
    @Test(arguments: [
        ("GET", "/v1/status", Route.status), ("GET", "/v1/credentials", .credentials),
        ("POST", "/v1/unlock", .unlock), ("POST", "/v1/lock", .lock),
        ("POST", "/v1/vault", .createVault), ("POST", "/v1/check", .check),
        ("GET", "/v1/audit", .audit), ("POST", "/v1/audit/search", .auditSearch),
        ("GET", "/v1/credentials/a%2Eb/token", .token(CredentialName("a.b")!)),
        ("PUT", "/v1/credentials/a", .putCredential(CredentialName("a")!)),
        ("DELETE", "/v1/credentials/a@b-c_d", .removeCredential(CredentialName("a@b-c_d")!)),
    ])
    func finds(method: String, path: String, route: Route) throws {
        #expect(try Route(method: method, path: path) == route)
    }

    @Test(arguments: [
        "/", "/v1", "/v1/", "/v2/status", "/v1/status/", "//v1/status", "/v1//status", "/V1/status",
        "/v1/status/x", "/v1/credentials/a/token/", "/v1/credentials/a/tokens",
        "/v1/oauth2/token", "/v1/audit/", "/metrics/", "/v1/./status", "/v1/%73tatus",
    ])
    func hasNothingElse(path: String) {
        #expect(throws: BrokerError.notFound) { _ = try Route(method: "GET", path: path) }
    }

    @Test(arguments: [
        "/v1/credentials/", "/v1/credentials/%2e%2e", "/v1/credentials/a%2Fb",
        "/v1/credentials/a%252Eb", "/v1/credentials/a%", "/v1/credentials/a%zz",
        "/v1/credentials/%FF", "/v1/credentials/a%00", "/v1/credentials/-a",
        "/v1/credentials/\(String(repeating: "a", count: 129))",
    ])
    func refusesWhatIsNoName(path: String) {
        #expect(throws: BrokerError.badRequest("the path names no credential")) {
            _ = try Route(method: "GET", path: path)
        }
    }

    @Test(arguments: [
        ("POST", "/v1/status"), ("HEAD", "/v1/status"), ("GET", "/v1/unlock"),
        ("POST", "/v1/credentials/a"), ("PATCH", "/v1/credentials/a"), ("TRACE", "/v1/status"),
    ])
    func takesTheListedMethodsAlone(method: String, path: String) {
        #expect {
            _ = try Route(method: method, path: path)
        } throws: { error in
            if case BrokerError.methodNotAllowed = error { true } else { false }
        }
    }
}

struct QueryTests {
    private let known: Set<String> = ["scope", "audience", "fresh", "min_valid"]

    @Test func readsTextsListsAndSwitches() throws {
        let query = try Query(
            parsing: "scope=a+b%20c&resource=r&resource=s&audience=x%26y&fresh=1",
            known: known.union(["resource"]))
        #expect(query.text("scope") == "a b c")
        #expect(query.list("resource") == ["r", "s"])
        #expect(query.text("audience") == "x&y")
        #expect(try query.isOn("fresh"))
    }

    @Test(arguments: [
        "x=1", "audience=1&audience=2", "fresh=1&fresh=1", "scope=a&scope=a", "scope=%", "scope=%4",
        "scope=%FF", "&",
        "scope=a&",
    ])
    func refuses(text: String) {
        #expect(throws: BrokerError.self) { _ = try Query(parsing: text[...], known: known) }
    }

    @Test(arguments: ["fresh=2", "fresh=yes"])
    func aSwitchIsOneOrZero(text: String) throws {
        let query = try Query(parsing: text[...], known: known)
        #expect(throws: BrokerError.self) { _ = try query.isOn("fresh") }
    }

    @Test(arguments: [("90s", 90), ("15m", 900), ("8h", 28800), ("2d", 172_800), ("60", 60)])
    func readsDurationsAndSeconds(text: String, seconds: Int64) throws {
        let query = try Query(parsing: "min_valid=\(text)", known: known)
        #expect(try query.duration("min_valid") == .seconds(seconds))
    }

    @Test(arguments: ["-1", "1.5s", "s", "1w", "99999999999d", "1 s", "٣s"])
    func refusesWhatIsNoDuration(text: String) throws {
        #expect(Duration(textOrSeconds: text) == nil)
    }
}

struct HTTPDateTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Int64(784_111_777)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 4_133_980_799),
    ])
    func reads(text: String, seconds: Int64) {
        #expect(secondsSince1970(httpDate: text) == seconds)
    }

    @Test(arguments: [
        "", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
    ])
    func refuses(text: String) {
        #expect(secondsSince1970(httpDate: text) == nil)
    }
}

struct ProxyURLTests {
    @Test(arguments: [
        ("http://proxy", "proxy", 80), ("http://proxy:3128/", "proxy", 3128),
        ("HTTP://[::1]:8080", "::1", 8080),
    ])
    func reads(text: String, host: String, port: Int) throws {
        let proxy = try #require(ProxyURL(text))
        #expect(proxy.host == host)
        #expect(proxy.port == port)
    }

    @Test(arguments: [
        "", "proxy:3128", "https://proxy", "http://", "http://user@proxy", "http://proxy:0",
        "http://proxy:x", "http://proxy/path", "http://a b", "http://::1", "socks5://proxy",
    ])
    func refuses(text: String) { #expect(ProxyURL(text) == nil) }
}

struct CredentialTests {
    private func parse(_ json: String) throws(BrokerError) -> Credential {
        let bytes = Array(json.utf8)
        return try Credential(parsing: bytes.span)
    }

    private static let plain = "{\"client_id\":\"x\",\"token_url\":\"https://h/t\"}"

    @Test func hasTheUsualMethodWithoutOne() throws {
        let credential = try parse(Self.plain)
        #expect(credential.method == .clientSecretBasic)
        #expect(credential.tokenURL.text == "https://h/t")
    }

    @Test func takesWhatAPresetGives() throws {
        let credential = try parse("{\"client_id\":\"x\",\"preset\":\"hpe-greenlake\"}")
        #expect(credential.method == .clientSecretPost)
        #expect(credential.tokenURL.host == "sso.common.cloud.hpe.com")
        let other = try parse(
            "{\"client_id\":\"x\",\"preset\":\"hpe-greenlake\",\"auth\":\"client_secret_basic\"}")
        #expect(other.method == .clientSecretBasic)
    }

    @Test func whatIsShownIsTakenBack() throws {
        let credential = try parse(
            """
            {"client_id":"x","token_url":"https://localhost:1/t","auth":"client_secret_post",
            "scopes":["a","b"],"audience":"u","resources":["r"],"params":{"z":"1","y":"2"},
            "origins":["https://h"],"proxy":"http://p:1","basic_username":"n",
            "allow_http_loopback":true,"default_expires_in":60,"expires_at":"2027-03-31"}
            """)
        let shown = credential.shown(as: "name").encoded()
        #expect(try Credential(parsing: shown.span) == credential)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"client_id\":\"x\"}", "{\"token_url\":\"https://h/t\"}",
        "{\"client_id\":1,\"token_url\":\"https://h/t\"}",
        "{\"client_id\":\"x\",\"client_id\":\"y\",\"token_url\":\"https://h/t\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"client_secret\":\"s\"}",
        "{\"client_id\":\"x\\n\",\"token_url\":\"https://h/t\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"issuer\":\"https://h\"}",
        "{\"client_id\":\"x\",\"token_url\":\"http://localhost/\",\"allow_http_loopback\":true,\"proxy\":\"http://p\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"auth\":\"magic\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"scopes\":[\"a b\"]}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"params\":{\"scope\":\"a\"}}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"origins\":[\"https://h/path\"]}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"origins\":[\"https://H\"]}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"origins\":[\"https://*.h\"]}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"proxy\":\"ftp://p\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"expires_at\":\"tomorrow\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"expires_at\":\"2027-13-01\"}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"default_expires_in\":0}",
        "{\"client_id\":\"x\",\"token_url\":\"https://h/t\",\"ca_certificates\":\"none\"}",
        "{\"client_id\":\"x\",\"token_url\":\"http://h/t\"}",
        "{\"client_id\":\"x\",\"token_url\":\"http://localhost/t\"}",
        "{\"client_id\":\"a:b\",\"token_url\":\"https://h/t\",\"auth\":\"client_secret_basic_raw\"}",
    ])
    func refuses(json: String) {
        #expect(throws: BrokerError.self) { _ = try parse(json) }
    }

    /// Whoever changes one of these has to give the secret again; whoever changes anything else has not.
    @Test func theDestinationIsWhereTheSecretGoes() throws {
        let credential = try parse(Self.plain)
        var changes: [(Bool, (inout Credential) throws -> Void)] = [
            (true, { $0.tokenURL = try EndpointURL(parsing: "https://h/other") }),
            (true, { $0.tokenURL = try EndpointURL(parsing: "https://other/t") }),
            (true, { $0.method = .clientSecretPost }), (true, { $0.clientID = "y" }),
            (true, { $0.caCertificates = "pem" }), (true, { $0.proxy = ProxyURL("http://p") }),
        ]
        changes += [
            (false, { $0.scopes = ["a"] }), (false, { $0.audience = "a" }),
            (false, { $0.origins = ["https://h"] }), (false, { $0.expiresAt = "2027-01-01" }),
        ]
        for (changes, change) in changes {
            var other = credential
            try change(&other)
            #expect((other.destination != credential.destination) == changes)
        }
    }
}
