import Sodium
import Testing

@testable import BrokerClient

/// The bytes that the client sends, and how it reads what comes back.
struct MessageTests {
    private func head(_ request: BrokerRequest, vault: String? = nil) -> String {
        String(decoding: request.head(vault: vault), as: UTF8.self)
    }

    @Test func aRequestWithoutABody() {
        var request = BrokerRequest("GET", "/v1/credentials/x/token")
        request.addParameter("scope", "read write")
        request.addParameter("audience", "ä&b")
        request.addHeader("Accept", "text/plain")
        #expect(
            head(request, vault: "/home/a b/vault.db")
                == "GET /v1/credentials/x/token?scope=read%20write&audience=%C3%A4%26b HTTP/1.1\r\n"
                + "Host: bursar\r\nConnection: close\r\nBursar-Vault: %2Fhome%2Fa%20b%2Fvault.db\r\n"
                + "Accept: text/plain\r\n\r\n")
    }

    @Test func aBodysLengthIsThatOfAllItsParts() {
        var request = BrokerRequest("PUT", "/v1/credentials/x")
        request.body = [
            .bytes([1, 2, 3]), .bytes([0]),
            .secret(SharedSecret(Secret(copying: [7, 7, 7, 7].span))),
        ]
        let text = head(request)
        #expect(
            text.contains("\r\nContent-Type: application/octet-stream\r\nContent-Length: 8\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    /// Whatever is in a value, it stays in its line.
    @Test(arguments: ["a\r\nX: y", "a\nb", "\0", "%0d%0a", "\u{1F600}"])
    func noValueBreaksTheHead(value: String) {
        var request = BrokerRequest("GET", "/v1/status")
        request.addParameter("scope", value)
        #expect(head(request, vault: value).split(separator: "\r\n").count == 4)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length:  3\r\nA: b\r\n\r\n{}\n", 403, "{}\n"),
    ])
    func readsAnAnswer(text: String, status: Int, body: String) throws {
        let answer = try BrokerResponse(parsing: Array(text.utf8), isEnd: true)
        #expect(answer == BrokerResponse(status: status, body: Array(body.utf8)))
    }

    /// With a length nobody waits for the end, and without one nobody takes half for the whole.
    @Test func anAnswerIsWholeWhenItsLengthIsThere() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntoken"
        let bytes = Array(text.utf8)
        for count in bytes.indices {
            #expect(try BrokerResponse(parsing: Array(bytes[..<count]), isEnd: false) == nil)
        }
        #expect(try BrokerResponse(parsing: bytes, isEnd: false)?.body == Array("token".utf8))
        let endless = Array("HTTP/1.1 200 OK\r\n\r\ntok".utf8)
        #expect(try BrokerResponse(parsing: endless, isEnd: false) == nil)
    }

    /// Half an answer is none: half a token must never look like one.
    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
        "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 999 No\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ])
    func refusesWhatIsNoWholeAnswer(text: String) {
        #expect(throws: ClientError.badAnswer) {
            try BrokerResponse(parsing: Array(text.utf8), isEnd: true)
        }
    }
}
