import Foundation
import TestSupport
import Testing

/// The limits of Protocol.md that take time or many connections; each test has a broker of its own.
@Suite
struct ConnectionLimitTests {
    private let installation: Installation

    init() throws {
        installation = try Installation()
        try installation.makeVault()
        try installation.add("x", try TranscriptTests.endpoint.get(), "ok/limits-\(UUID())")
    }

    private func seconds(_ body: () -> Void) -> Double {
        let start = ContinuousClock.now
        body()
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    private var isServing: Bool {
        (try? RawConnection(installation.socket).ask(
            "GET /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
        )
        .hasPrefix("HTTP/1.1 200 ")) ?? false
    }

    @Test(arguments: [
        "GET /v1/sta", "GET /v1/status HTTP/1.1\r\nHost: b\r\n",
        "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
            + "Content-Length: 9\r\n\r\nab",
    ])
    func aRequestHasTenSecondsToArrive(part: String) throws {
        let connection = try RawConnection(installation.socket)
        connection.send(part)
        var answer = ("", false)
        let time = seconds { answer = connection.receive(seconds: 20) }
        #expect(answer.0.hasPrefix("HTTP/1.1 408 "))
        #expect(answer.1)
        #expect((9...15).contains(time))
    }

    /// A byte now and then does not win time.
    @Test func aSlowRequestHasTenSecondsInAll() throws {
        let connection = try RawConnection(installation.socket)
        let start = ContinuousClock.now
        connection.send("GET /v1/status HTTP/1.1\r\nX: ")
        for _ in 0..<30 where ContinuousClock.now - start < .seconds(15) {
            usleep(500_000)
            if !connection.send("a") { break }
            if connection.receive(seconds: 0.01).isClosed { break }
        }
        #expect((.seconds(9)...(.seconds(14))).contains(ContinuousClock.now - start))
    }

    @Test func anIdleConnectionHasAMinute() throws {
        let idle = try RawConnection(installation.socket)
        let used = try RawConnection(installation.socket)
        used.send("GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(used.receive(until: "}").text.hasPrefix("HTTP/1.1 200 "))
        var ends = (("", false), ("", false))
        let time = seconds { ends = (idle.receive(seconds: 80), used.receive(seconds: 80)) }
        #expect(ends.0.1 && ends.1.1)
        #expect(ends.0.0.isEmpty && ends.1.0.isEmpty)
        #expect((55...75).contains(time))
    }

    /// A caller that asks and asks and reads nothing is let go, and its answers with it.
    @Test func anAnswerHasTenSecondsToBeRead() throws {
        let connection = try RawConnection(installation.socket)
        let many = String(
            repeating: "GET /v1/credentials/x HTTP/1.1\r\nHost: b\r\n\r\n", count: 4000)
        let start = ContinuousClock.now
        DispatchQueue.global().async { connection.send(many) }
        // Nothing is read until the broker has had to give up.
        sleep(13)
        let (_, isClosed) = connection.receive(seconds: 10)
        #expect(isClosed)
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(isServing)
    }

    @Test func theOldestIdleConnectionMakesRoom() throws {
        var connections: [RawConnection] = []
        for _ in 0..<1024 { connections.append(try RawConnection(installation.socket)) }
        usleep(200_000)
        #expect(isServing)
        #expect(connections[0].receive(seconds: 5).isClosed)
        #expect(!connections[10].receive(seconds: 0.2).isClosed)
        for _ in 0..<1500 { connections.append(try RawConnection(installation.socket)) }
        #expect(isServing)
        #expect(try installation.bursar("token", "get", "x").status == 0)
    }

    @Test func garbageThatStaysHoldsNobodyUp() throws {
        let garbage = try (0..<20).map { _ in try RawConnection(installation.socket) }
        for connection in garbage { connection.send("GARBAGE BYTES") }
        let time = seconds { #expect(isServing) }
        #expect(time < 5)
    }

    /// A server that hangs delays its own credential alone.
    @Test func aHangingEndpointDelaysNobodyElse() throws {
        let endpoint = try TranscriptTests.endpoint.get()
        try installation.add("hangs", endpoint, "hang")
        let hanging = try (0..<5).map { _ in try RawConnection(installation.socket) }
        for connection in hanging {
            connection.send(
                "GET /v1/credentials/hangs/token?timeout=20 HTTP/1.1\r\nHost: b\r\n\r\n")
        }
        let time = seconds {
            #expect((try? installation.bursar("token", "get", "x").output) == "token-1\n")
        }
        #expect(time < 10)
    }
}
