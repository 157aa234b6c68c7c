import Foundation
import TestSupport
import Testing

/// What a broker sends to a token endpoint, compared with what the first users' own programs send.
@Suite(.serialized)
struct WireTests {
    // One of its own: what was sent last is this suite's.
    private static let endpoint = Result { try ScriptedEndpoint() }
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try Self.endpoint.get()
        try installation.makeVault()
    }

    private func shell(_ command: String) throws -> Finished {
        try installation.shell(command, endpoint)
    }

    private func last(after command: String) throws -> ScriptedEndpoint.Requests.Last {
        let ended = try shell(command)
        try #require(ended.status == 0, "\(ended.output)\(ended.error)")
        return try endpoint.requests().last
    }

    private static let id = "5e2f-0a.B_c~9"
    private static let secret = "1b9c~Xy.Z_w-0123456789abcdef"

    private func expectSame(
        _ one: ScriptedEndpoint.Requests.Last, _ other: ScriptedEndpoint.Requests.Last
    ) {
        #expect(one.body == other.body)
        #expect(one.authorization == other.authorization)
        #expect(one.content_type?.hasPrefix("application/x-www-form-urlencoded") == true)
    }

    /// The shell line of HPE's documentation.
    @Test func theFormIsThatOfCurl() throws {
        let curl = try last(
            after:
                "curl -sS $PLAIN/ok/curl -d grant_type=client_credentials -d client_id=\(Self.id) "
                + "-d client_secret=\(Self.secret)")
        let ours = try last(
            after:
                "printf %s \(Self.secret) | bursar vault add x --token-url $PLAIN/ok/ours --client-id \(Self.id) "
                + "--auth client_secret_post --allow-http-loopback --secret-stdin && bursar token get x"
        )
        #expect(ours.body?.contains(Self.secret) == true)
        expectSame(ours, curl)
        #expect(ours.content_type == "application/x-www-form-urlencoded")
    }

    /// The Python lines of HPE's documentation.
    @Test func theHeaderIsThatOfOAuthlib() throws {
        installation.write(
            "client.py",
            """
            import sys
            from oauthlib.oauth2 import BackendApplicationClient
            from requests.auth import HTTPBasicAuth
            from requests_oauthlib import OAuth2Session
            session = OAuth2Session(client=BackendApplicationClient(client_id=sys.argv[2]))
            session.trust_env = False
            session.fetch_token(sys.argv[1], auth=HTTPBasicAuth(sys.argv[2], sys.argv[3]))
            """)
        let python = try last(
            after: "OAUTHLIB_INSECURE_TRANSPORT=1 /usr/bin/python3 $F/client.py $PLAIN/ok/oauthlib "
                + "\(Self.id) \(Self.secret)")
        let ours = try last(
            after:
                "printf %s \(Self.secret) | bursar vault add x --token-url $PLAIN/ok/ours --client-id \(Self.id) "
                + "--auth client_secret_basic --allow-http-loopback --secret-stdin && bursar token get x"
        )
        #expect(ours.authorization?.hasPrefix("Basic ") == true)
        expectSame(ours, python)
    }

    @Test func theFormHasScopeAudienceResourceAndParameters() throws {
        let sent = try last(
            after:
                "printf s3cret | bursar vault add x --token-url $ENDPOINT/ok/full $TO --scope 'a b' --audience u "
                + "--resource https://r/1 --resource https://r/2 --param tenant=t --secret-stdin "
                + "&& bursar token get x --scope c --scope d")
        #expect(
            sent.body
                == "grant_type=client_credentials&client_id=id&client_secret=s3cret&scope=c%20d"
                + "&audience=u&resource=https%3A%2F%2Fr%2F1&resource=https%3A%2F%2Fr%2F2&tenant=t"
                || sent.body
                    == "grant_type=client_credentials&client_id=id&client_secret=s3cret&scope=c+d"
                    + "&audience=u&resource=https%3A%2F%2Fr%2F1&resource=https%3A%2F%2Fr%2F2&tenant=t",
            "\(sent.body ?? "")")
        #expect(sent.authorization == nil)
    }

    static let secrets: [(String, [UInt8])] = [
        ("64 KiB", [UInt8](repeating: UInt8(ascii: "k"), count: 65_536)), ("one byte", [0x41]),
        ("newline inside", Array("a\nb\r\nc".utf8)), ("newline at the end", Array("ab\n".utf8)),
        ("NUL", [0x61, 0, 0x62]), ("NUL alone", [0]), ("reserved", Array(":/+%&=?#\"'\\".utf8)),
        ("spaces", Array(" a b ".utf8)), ("non-ASCII", Array("gänsefüßchen·日本".utf8)),
        ("no UTF-8", [0xFF, 0xFE, 0x80, 0xC3]), ("every byte", Array(0...255)),
    ]

    @Test(arguments: secrets)
    func everySecretArrivesAsItIs(what: String, bytes: [UInt8]) throws {
        // One line end is dropped, so that editors and echo do no harm.
        _ = FileManager.default.createFile(
            atPath: installation.path("secret"), contents: Data(bytes + [0x0A]),
            attributes: [.posixPermissions: 0o600])
        let sent = try last(
            after:
                "bursar vault add x --token-url $ENDPOINT/ok/secrets $TO --secret-file $F/secret 2>/dev/null "
                + "&& bursar token get x")
        let body = try #require(sent.body)
        let start = try #require(body.range(of: "client_secret="))
        let value = body[start.upperBound...].prefix { $0 != "&" }
        var decoded: [UInt8] = []
        var rest = Array(value.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                decoded.append(
                    UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        #expect(decoded == bytes, "\(what)")
    }

    /// The broker's own proxy is for https; plain http to this machine goes to this machine.
    @Test func plainHTTPGoesThroughNoProxy() throws {
        let ended = try shell(
            """
            bursar broker stop
            bursard --vault $VAULT --socket $SOCKET --proxy $PROXY 2>$F/log & b=$!
            for _ in $(seq 100); do [ -S $SOCKET ] && break; sleep 0.05; done
            printf s3cret | bursar vault add plain --token-url ${PLAIN/127.0.0.1/localhost}/ok/direct \\
                --client-id id --allow-http-loopback --secret-stdin
            bursar token get plain
            printf s3cret | bursar vault add far --token-url $ENDPOINT/ok/far $TO --secret-stdin
            bursar token get far
            bursar broker stop; wait $b
            """)
        #expect(ended.output == "token-1\ntoken-1\n", "\(ended.error)")
        let requests = try endpoint.requests()
        let port = try #require(URL(string: endpoint.url(""))?.port)
        #expect(requests.connects == ["localhost:\(port)"])
        let refused = try shell(
            "printf s | bursar vault add y --token-url $PLAIN/ok --client-id id --allow-http-loopback --proxy $PROXY "
                + "--secret-stdin")
        #expect(refused.status == 64)
    }

    /// One try and three repeats; then it is the caller's turn.
    @Test func aFailedRequestIsRepeatedThreeTimes() throws {
        try installation.add("three", endpoint, "flaky-3/count")
        try installation.add("four", endpoint, "flaky-4/count")
        #expect(try installation.bursar("token", "get", "three").output == "token-4\n")
        #expect(try installation.bursar("token", "get", "four").status == 75)
        #expect(try endpoint.count("flaky-4/count") == 4)
    }

    @Test(arguments: [
        "error-temporarily_unavailable", "error-invalid_scope", "status-400", "html-403",
        "redirect-302",
        "notoken",
    ])
    func whatIsAnAnswerIsNotRepeated(behaviour: String) throws {
        try installation.add("x", endpoint, behaviour + "/once")
        #expect(try installation.bursar("token", "get", "x").status != 0)
        #expect(try endpoint.count(behaviour + "/once") == 1)
    }

    /// Fifty callers at a real socket, a token that is not there: one request.
    @Test func manyCallersCauseOneRequest() throws {
        try installation.add("x", endpoint, "slow-0.5/many")
        let ended = try shell(
            "for i in $(seq 50); do bursar token get x & done | sort | uniq -c | tr -s ' '")
        #expect(ended.output == " 50 token-1\n", "\(ended.error)")
        #expect(try endpoint.count("slow-0.5/many") == 1)
    }

    /// What is read of an answer has a last byte.
    @Test(arguments: [(262_144, 0), (262_145, 76)])
    func anAnswersBodyHasALimit(byteCount: Int, status: Int32) throws {
        try installation.add("x", endpoint, "padded-\(byteCount)")
        #expect(try installation.bursar("token", "get", "x").status == status)
        try installation.add("y", endpoint, "chunked-\(byteCount)")
        #expect(try installation.bursar("token", "get", "y").status == status)
    }

    @Test func anAnswersHeadHasALimit() throws {
        try installation.add("x", endpoint, "headers-70000")
        let got = try installation.bursar("token", "get", "x")
        #expect(got.status == 76)
        #expect(got.error.contains("answered more than 64 KiB"), "\(got.error)")
        try installation.add("y", endpoint, "headers-60000")
        #expect(try installation.bursar("token", "get", "y").status == 0)
    }

    /// A vault of the built programs, opened by a reader that was written from the format's description:
    /// destination and all.
    @Test func theVaultIsWhatItsDescriptionSays() throws {
        let reader =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().path + "/VaultTests/read_vault.py"
        let ended = try shell(
            """
            printf 'first\\0s3cret' | bursar vault add a --token-url $ENDPOINT/ok $TO --scope r --secret-stdin
            printf second | bursar vault add b --token-url https://h/t --client-id 'ä"b\\c' --proxy http://p:1 --secret-stdin
            bursar vault add c --preset hpe-greenlake --client-id id --secret-fd 5 5<<<third
            bursar vault set c --scope s; bursar vault remove a --yes; bursar broker stop
            printf 'correct horse' | python3 \(reader) $VAULT | python3 -c '
            import json, sys
            read = json.load(sys.stdin)
            print({n: bytes.fromhex(c["secret"]) for n, c in read["credentials"].items()})'
            """)
        let lines = ["{'b': b'second', 'c': b'third'}\n", "{'c': b'third', 'b': b'second'}\n"]
        #expect(lines.contains(ended.output), "\(ended.output)\(ended.error)")
    }
}
