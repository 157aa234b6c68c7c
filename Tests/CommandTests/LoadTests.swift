import Foundation
import TestSupport
import Testing

/// A broker that many callers ask at once, that is filled with connections, or that is told to end.
@Suite(.serialized)
struct LoadTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
        try installation.makeVault()
    }

    private func wait(_ seconds: Double = 20, until isSo: () -> Bool) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if isSo() { return true }
            usleep(50_000)
        }
        return isSo()
    }

    private func crowd(_ kind: String, _ count: Int, uid: Int? = nil) throws -> Crowd {
        try Crowd(installation.socket, kind, count, uid: uid)
    }

    private func ask(_ count: Int, _ path: String) throws -> Crowd {
        try Crowd(installation.socket, "ask", count, path: path)
    }

    private func expectToken(_ name: String = "x", _ token: String = "token-1\n") throws {
        let got = try installation.bursar("token", "get", name)
        #expect(got.output == token, "\(got.error)")
    }

    @Test func fiveHundredCallersCauseOneRequest() throws {
        let behaviour = "slow-0.2/herd-\(UUID())"
        try installation.add("x", endpoint, behaviour)
        let outcome = try ask(500, "/v1/credentials/x/token").answers()
        #expect(outcome.answers == ["token-1": 500])
        #expect(outcome.closed == 0 && outcome.cut == 0)
        #expect(try endpoint.count(behaviour) == 1)
        // The benchmark has the promised 0.6 s; a debugger's build among other tests takes its time.
        #expect(outcome.seconds < 6)
    }

    @Test func aTokenIsThereWhileAnotherServerHangs() throws {
        try installation.add("x", endpoint, "ok/beside-\(UUID())")
        try installation.add("hangs", endpoint, "hang")
        try expectToken()
        let waiting = try ask(100, "/v1/credentials/hangs/token?timeout=8")
        let start = Date()
        for _ in 0..<10 { try expectToken() }
        try installation.add("new", endpoint, "ok/beside-\(UUID())")
        try expectToken("new")
        #expect(Date().timeIntervalSince(start) < 7)
        let outcome = try waiting.answers()
        #expect(outcome.answers == ["HTTP/1.1 503 Service Unavailable": 100])
        #expect(outcome.seconds > 7)
    }

    /// Its successor comes by itself, and while the server is down the token is paid out to its end.
    @Test func aTokenIsRefreshedAndOutlivesTheServer() throws {
        let behaviour = "lifetime-8/refresh-\(UUID())"
        try installation.add("x", endpoint, behaviour)
        try expectToken()
        // Within 75 to 90 % of the 4 s for which it meets the usual demand.
        #expect(wait(4) { (try? endpoint.count(behaviour)) == 2 })
        #expect(wait(2) { (try? installation.bursar("token", "get", "x").output) == "token-2\n" })
        let mortal = "mortal-8/refresh-\(UUID())"
        try installation.add("y", endpoint, mortal)
        let start = Date()
        try expectToken("y")
        while Date().timeIntervalSince(start) < 7.5 {
            try expectToken("y")
            usleep(100_000)
        }
        #expect(wait(5) { (try? installation.bursar("token", "get", "y").status) == 75 })
    }

    /// Refreshes are no requests.
    @Test func anIdleBrokerEndsAlthoughItRefreshes() throws {
        let behaviour = "lifetime-8/idle-\(UUID())"
        try installation.add("x", endpoint, behaviour)
        try installation.bursar("broker", "stop")
        let start = Date()
        let ended = try installation.shell(
            "bursard --vault $VAULT --socket $SOCKET --idle 5s & for _ in $(seq 100); do [ -S $SOCKET ] && break; "
                + "sleep 0.05; done; bursar token get x; wait $!", endpoint, seconds: 60)
        #expect(ended.output == "token-1\n", "\(ended.error)")
        #expect(Date().timeIntervalSince(start) < 20)
        #expect(try endpoint.count(behaviour) == 2)
    }

    @Test(.enabled(if: getuid() == 0, "becoming other users takes root"))
    func aCrowdLeavesNothingBehind() throws {
        try installation.add("x", endpoint, "ok/crowd-\(UUID())")
        try openTheDoor()
        let pid = try installation.brokerPID()
        for _ in 0..<20 { try expectToken() }
        // Until the connection to the token endpoint has ended.
        sleep(4)
        let (anonymous, open) = (memory(pid), descriptors(pid))
        do {
            let idle = try (1...5).map { try crowd("idle", 1000, uid: 40_000 + $0) }
            #expect(try idle.map { try $0.outcome().open } == [1000, 1000, 1000, 1000, 1000])
            #expect(wait(60) { descriptors(pid) >= open + 5000 })
            try expectToken()
            let half = try crowd("half", 50, uid: 40_006)
            _ = try crowd("garbage", 1, uid: 40_006)
            _ = try crowd("endless", 5, uid: 40_006)
            _ = try crowd("churn", 300, uid: 40_006)
            _ = try crowd("churn", 300)
            for _ in 0..<10 { try expectToken() }
            // Nobody else's connection was closed for it.
            #expect(descriptors(pid) >= open + 5000)
            withExtendedLifetime((idle, half)) {}
        }
        #expect(wait { descriptors(pid) <= open }, "\(open) descriptors before")
        #expect(wait { memory(pid) < anonymous + 10_000_000 }, "\(anonymous) bytes before")
        print("crowd: RssAnon \(anonymous) before, \(memory(pid)) after")
        try expectToken()
    }

    /// A uid that fills its share closes its own connections, and nobody else's.
    @Test(.enabled(if: getuid() == 0, "becoming other users takes root"))
    func aUserAtItsBoundClosesItsOwn() throws {
        try openTheDoor()
        let pid = try installation.brokerPID()
        let before = descriptors(pid)
        let quiet = try crowd("idle", 10, uid: 40_011)
        let loud = try crowd("idle", 3000, uid: 40_012)
        #expect(try loud.outcome().open == 3000)
        #expect(wait { descriptors(pid) <= before + 10 + 1024 })
        #expect(descriptors(pid) >= before + 1024)
        #expect(try RawConnection(installation.socket).isServed)
        withExtendedLifetime((quiet, loud)) {}
    }

    @Test(arguments: [("slow-1.5", "token-1"), ("hang", "HTTP/1.1 503 Service Unavailable")])
    func whatIsUnderWayIsAnsweredWhenTheBrokerEnds(behaviour: String, answer: String) throws {
        try installation.add("x", endpoint, behaviour + "/end-\(UUID())")
        let pid = try installation.brokerPID()
        let waiting = try ask(20, "/v1/credentials/x/token")
        // Their requests are there, and the token request is under way.
        usleep(700_000)
        #expect(kill(pid, SIGTERM) == 0)
        let outcome = try waiting.answers()
        #expect(outcome.answers == [answer: 20])
        #expect(outcome.cut == 0 && outcome.closed == 0)
        #expect(outcome.seconds < 12)
        #expect(wait { kill(pid, 0) != 0 })
    }

    /// Connections are the kernel's word, not the folder's mode: others may connect, and are refused.
    private func openTheDoor() throws {
        let opened = try installation.shell(
            "chmod 755 $F $F/run $F/run/bursar; chmod 666 $SOCKET", endpoint)
        try #require(opened.status == 0)
    }

    private func descriptors(_ pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    private func memory(_ pid: Int32) -> Int {
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        return (kilobytes.flatMap { Int($0) } ?? 1 << 40) * 1024
    }
}

extension RawConnection {
    /// Whether a request on it is answered.
    fileprivate var isServed: Bool {
        ask("GET /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
            .hasPrefix("HTTP/1.1 200 ")
    }
}
