import Foundation
import TestSupport
import Testing

/// HTTP requests that the interface refuses, each with what it gets, sent as bytes to a real broker.
@Suite
struct RequestRefusalTests {
    /// One broker for all: what is refused leaves nothing behind.
    private static let shared = Result {
        let installation = try Installation()
        try installation.makeVault()
        try installation.add("x", try TranscriptTests.endpoint.get(), "ok/refusals")
        return installation
    }

    private var socket: String {
        get throws { try Self.shared.get().socket }
    }

    static let get = "GET /v1/credentials/x/token"

    @Test(arguments: [
        ("\(get) HTTP/1.1\r\nHost: b\r\nOrigin: https://evil.example\r\n\r\n", 403),
        ("\(get) HTTP/1.1\r\nHost: b\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403),
        ("\(get) HTTP/1.1\r\nHost: b\r\nsec-fetch-anything: 1\r\n\r\n", 403),
        ("\(get) HTTP/1.1\r\nHost: b\r\nForwarded: for=1.2.3.4\r\n\r\n", 403),
        ("\(get) HTTP/1.1\r\nHost: b\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", 403),
        ("\(get) HTTP/1.1\r\nHost: b\r\nVia: 1.1 proxy\r\n\r\n", 403),
        ("GET /v1/credentials/x/token/ HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET //v1/status HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET /v1/oauth2/token HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("POST /v1/oauth2/token HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 404),
        ("GET /v1/audits HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET /metric HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET http://bursar/v1/status HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET /v1/credentials/none/token HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET /v1/credentials/none HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("GET /v1/credentials/a%2Fb HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("GET /v1/credentials/%2578 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("POST /v1/credentials/x/token HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 405),
        ("PATCH /v1/credentials/x HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 405),
        ("TRACE /v1/status HTTP/1.1\r\nHost: b\r\n\r\n", 405),
        ("\(get)?unknown=1 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?fresh=1&fresh=1 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?audience=a&audience=b HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?scope=a&scope=b HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("DELETE /v1/credentials/none HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("OPTIONS /v1/status HTTP/1.1\r\nHost: b\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 404),
        ("\(get)?timeout=0 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?timeout=11m HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?min_valid=-1 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?scope=%ff HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("\(get)?scope=a%22 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        (
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
        ),
        (
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400
        ),
        (
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\n\r\n{}", 415
        ),
        (
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 0\r\n\r\n", 400
        ),
        (
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 65537\r\n\r\n", 413
        ),
        (
            "PUT /v1/credentials/y HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 524289\r\n\r\n", 413
        ),
        (
            "PUT /v1/credentials/x HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "If-None-Match: *\r\nContent-Length: 54\r\n\r\n"
                + "{\"client_id\":\"id\",\"token_url\":\"https://elsewhere/t\"}\0s", 412
        ),
        (
            "PUT /v1/credentials/x HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 52\r\n\r\n"
                + "{\"client_id\":\"id\",\"token_url\":\"https://elsewhere/t\"}", 400
        ),
        ("GET /v1/status HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello", 413),
        (
            "GET /v1/status HTTP/1.1\r\nHost: b\r\nX: \(String(repeating: "a", count: 17_000))\r\n\r\n",
            431
        ),
        ("GET /\(String(repeating: "a", count: 17_000)) HTTP/1.1\r\nHost: b\r\n\r\n", 431),
        ("GET /v1/status HTTP/1.1\r\nHost: b\r\nBursar-Vault: /another/vault.db\r\n\r\n", 500),
        ("GET /v1/status HTTP/1.1\r\nHost: b\r\nBursar-Vault: %zz\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}\0", 400),
        ("GET /v1/status\u{1b}[2J HTTP/1.1\r\nHost: b\r\n\r\n", 400),
    ])
    func refuses(request: String, status: Int) throws {
        try expect(status, for: request)
    }

    /// A request whose body is as long as it says.
    private static func request(
        _ line: String, _ headers: [String] = [], body: String = ""
    ) -> String {
        let all =
            [line + " HTTP/1.1", "Host: b"] + headers + [
                "Content-Length: \(body.utf8.count)", "", body,
            ]
        return all.joined(separator: "\r\n")
    }

    private static let metadata = #"{"client_id":"id","token_url":"https://host/t"}"#
    private static let none = "PUT /v1/credentials/none"

    static let bodies: [(String, Int)] = [
        (request(none, body: metadata), 404),
        (request(none, body: metadata + "\0"), 400),
        (request(none, body: metadata + "\0" + String(repeating: "s", count: 65_537)), 400),
        (
            request(
                none, body: #"{"client_id":"id","token_url":"https://h/t","issuer":"x"}"# + "\0s"),
            400
        ),
        (
            request(
                none, body: #"{"client_id":"id","token_url":"https://h/t","preset":"x"}"# + "\0s"),
            400
        ),
        (request(none, body: "not JSON\0s"), 400),
        (request("PUT /v1/credentials/x", ["If-None-Match: \"x\""], body: metadata), 400),
        (request("PUT /v1/credentials/x", ["If-None-Match: *"], body: metadata + "\0s"), 412),
        (request("POST /v1/passphrase", body: "\0\0\0\u{7f}a"), 400),
        (request("POST /v1/passphrase", body: "\0\0"), 400),
        (request("GET /v1/status", ["Bursar-Vault: /a", "Bursar-Vault: /a"]), 400),
    ]

    @Test(arguments: bodies)
    func refusesWithABody(request: String, status: Int) throws {
        try expect(status, for: request)
    }

    @Test func refusesAChunkedBodyBeyondTheLimit() throws {
        let head =
            "PUT /v1/credentials/none HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunk = "8000\r\n" + String(repeating: "s", count: 0x8000) + "\r\n"
        try expect(413, for: head + String(repeating: chunk, count: 17))
    }

    private func expect(_ status: Int, for request: String) throws {
        // The connection closes itself, or else says that it would not.
        let connection = try RawConnection(try socket)
        connection.send(request)
        let (answer, _) = connection.receive(until: "}", seconds: 12)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(200)): \(answer)")
        #expect(answer.lowercased().contains("cache-control: no-store"))
        #expect(answer.contains("application/problem+json"))
        let exits = [403: 77, 404: 66, 412: 73, 500: 78]
        #expect(answer.contains("\"exit_code\":\(exits[status] ?? 64),"), "\(answer)")
        #expect(!answer.contains("canary"))
        // Whatever was refused, the next caller is served.
        let next = try RawConnection(try socket).ask(
            "GET /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        #expect(next.hasPrefix("HTTP/1.1 200 "))
    }

    /// What no refusal has a body for, as HTTP has it.
    @Test func theHeadOfAnAnswerAloneHasNoBody() throws {
        let answer = try RawConnection(try socket).ask(
            "HEAD /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 405 "))
        #expect(answer.contains("\r\nAllow: GET\r\n"), "\(answer)")
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test(arguments: [
        "timeout=5", "timeout=10m", "min_valid=60&timeout=30s", "scope=a%20b", "scope=a+b",
        "fresh=0",
    ])
    func takes(query: String) throws {
        let answer = try RawConnection(try socket).ask(
            "\(Self.get)?\(query) HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
    }

    @Test func aHeadOfSixteenKiBIsRead() throws {
        let filler = String(repeating: "a", count: 16_000)
        let answer = try RawConnection(try socket).ask(
            "GET /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\nX: \(filler)\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func requestsInOneGoAreAnsweredInTurn() throws {
        let status = "GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n"
        let last = "GET /v1/none HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
        let answer = try RawConnection(try socket).ask(status + status + last)
        let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
        #expect(statuses == ["200", "200", "404"])
    }

    @Test func aBodyMayComeInPiecesAndAChunkedOneToo() throws {
        let connection = try RawConnection(try socket)
        connection.send(
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for byte in Installation.passphrase {
            connection.send("1\r\n\(byte)\r\n")
            usleep(2000)
        }
        connection.send("0\r\n\r\n")
        #expect(connection.receive().text.hasPrefix("HTTP/1.1 200 "))
    }

    /// One connection for a changing request: the next one must find nothing of the last.
    @Test func aConnectionStaysAfterABody() throws {
        let connection = try RawConnection(try socket)
        for _ in 0..<3 {
            connection.send(
                "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: \(Installation.passphrase.utf8.count)\r\n\r\n"
                    + Installation.passphrase)
            #expect(connection.receive(until: "}").text.hasPrefix("HTTP/1.1 200 "))
        }
    }
}
