import Foundation
import TestSupport
import Testing

/// Users who do nothing but ask and connect, at a machine's broker: the others go on being served.
@Suite(.serialized, .enabled(if: getuid() == 0, "becoming another user takes root"))
struct FloodTests {
    private static let loud: UInt32 = 40_101
    private static let quiet: UInt32 = 40_102

    private func started(descriptors: Int? = nil) throws -> SystemBroker {
        let broker = try SystemBroker(descriptors: descriptors)
        try #require(try broker.order("start").ready)
        return broker
    }

    private func open(_ pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    private func wait(for pid: Int32, toHave count: Int) {
        for _ in 0..<100 where open(pid) < count { usleep(20_000) }
    }

    /// How long root's requests take, each on a connection of its own or all on one, for so long; at least one.
    private func waits(
        at broker: SystemBroker, seconds: Double, isKept: Bool = false
    ) throws -> [Double] {
        let end = Date().addingTimeInterval(seconds)
        let kept = isKept ? try RawConnection(broker.socket) : nil
        var waits: [Double] = []
        repeat {
            let start = Date()
            let isServed = try kept?.isServedAgain ?? RawConnection(broker.socket).isServed
            waits.append(Date().timeIntervalSince(start))
            #expect(isServed)
            usleep(isKept ? 20_000 : 100_000)
        } while Date() < end
        return waits.sorted()
    }

    @Test(arguments: ["churn", "stay", "leave"])
    func whoeverConnectsAndConnectsHoldsUpNobody(kind: String) throws {
        let broker = try started()
        let pid = try broker.order("listen 0").pid
        let floods = try (0..<2).map { _ in
            try Flood(broker.socket, kind, seconds: 8, count: 2000, uid: Self.loud)
        }
        let waits = try waits(at: broker, seconds: 9)
        let counts = try floods.map { try $0.outcome().count }
        let (median, worst) = (waits[waits.count / 2], waits.last ?? 0)
        print(
            "flood \(kind): \(counts) connections; root waits \(median) s, at most \(worst) s;",
            "\(open(pid)) descriptors")
        #expect(worst < 2)
    }

    /// A list costs more than most: each rule is looked at.
    @Test func manyRequestsOfOneUserHoldUpNobody() throws {
        let endpoint = try TranscriptTests.endpoint.get()
        let broker = try started()
        try broker.makeVault()
        for number in 0..<10 { try broker.add("x\(number)", endpoint, "ok", allows: "games") }
        let alone = try waits(at: broker, seconds: 1, isKept: true)
        let flood = try Flood(
            broker.socket, "ask", seconds: 8, count: 100, path: "/v1/credentials", uid: 5)
        usleep(500_000)
        let waits = try waits(at: broker, seconds: 6, isKept: true)
        let loud = try flood.outcome()
        let median = waits[waits.count / 2]
        print(
            "flood ask: root \(alone[alone.count / 2]) s alone, then \(median) s in the median,",
            "who floods \(loud.median) s, \(loud.count) answers")
        // In one line with all of them it waited longer than each of them does.
        #expect(median < loud.median * 0.8)
    }

    /// Root gets in although others fill the broker, and so does a user who has no connection yet; who has
    /// most pays.
    @Test func aFullBrokerHasRoomForWhoHasLittle() throws {
        // 320 connections in all, 80 for each.
        let broker = try started(descriptors: 512)
        let pid = try broker.order("listen 0").pid
        let before = open(pid)
        let crowds = try (0..<5).map { number in
            let crowd = try Crowd(broker.socket, "idle", 100, uid: 40_110 + number)
            wait(for: pid, toHave: before + min(80 * (number + 1), 320))
            return crowd
        }
        #expect(try RawConnection(broker.socket).isServed)
        let asked = try broker.bursar("status", uid: Self.quiet)
        #expect(asked.status == 0, "\(asked.error)")
        for _ in 0..<20 { #expect(try RawConnection(broker.socket).isServed) }
        #expect(open(pid) <= before + 320 + 20)
        #expect(open(pid) >= before + 300)
        withExtendedLifetime(crowds) {}
    }

    /// A person who may become 65,536 others in containers is one in this.
    @Test func containersTogetherFillNoMoreThanAQuarter() throws {
        let broker = try started(descriptors: 512)
        let pid = try broker.order("listen 0").pid
        let before = open(pid)
        let crowds = try (0..<3).map { number in
            let crowd = try Crowd(
                broker.socket, "idle", 75, uid: 40_120 + number, isContained: true)
            wait(for: pid, toHave: before + min(75 * (number + 1), 80))
            return crowd
        }
        let plain = try Crowd(broker.socket, "idle", 75, uid: 40_130)
        #expect(try RawConnection(broker.socket).isServed)
        let wanted = (before + 80 + 70)...(before + 80 + 75)
        for _ in 0..<50 where !wanted.contains(open(pid)) { usleep(100_000) }
        #expect(wanted.contains(open(pid)), "\(before) before")
        withExtendedLifetime((crowds, plain)) {}
    }

    /// All of a user's connections may be busy: one more is refused, and the broker lives on.
    @Test func aRefusedConnectionEndsNothingElse() throws {
        let endpoint = try TranscriptTests.endpoint.get()
        let broker = try started(descriptors: 512)
        try broker.makeVault()
        try broker.add("hangs", endpoint, "hang")
        let busy = try (0..<80).map { _ in try RawConnection(broker.socket) }
        for connection in busy {
            connection.send(
                "GET /v1/credentials/hangs/token?timeout=8 HTTP/1.1\r\nHost: b\r\n\r\n")
        }
        usleep(1_500_000)
        let refused = try (0..<5).map { _ in try RawConnection(broker.socket) }
        for connection in refused { #expect(connection.receive(seconds: 5).isClosed) }
        #expect(try broker.bursar("status", uid: Self.quiet).status == 0)
        for connection in busy {
            #expect(connection.receive(until: "}", seconds: 20).text.hasPrefix("HTTP/1.1 503 "))
        }
    }

    /// The same at a user's own broker, whose socket it binds itself.
    @Test func aUsersOwnBrokerLivesOnToo() throws {
        let endpoint = try TranscriptTests.endpoint.get()
        let installation = try Installation()
        try installation.makeVault()
        try installation.add("hangs", endpoint, "hang")
        let restarted = try installation.shell(
            "ulimit -n 512; bursar broker stop && bursar broker start && bursar unlock", endpoint)
        try #require(restarted.status == 0, "\(restarted.error)")
        let pid = try installation.brokerPID()
        let busy = try (0..<80).map { _ in try RawConnection(installation.socket) }
        for connection in busy {
            connection.send(
                "GET /v1/credentials/hangs/token?timeout=8 HTTP/1.1\r\nHost: b\r\n\r\n")
        }
        usleep(1_500_000)
        for _ in 0..<5 {
            #expect(try RawConnection(installation.socket).receive(seconds: 5).isClosed)
        }
        for connection in busy {
            #expect(connection.receive(until: "}", seconds: 20).text.hasPrefix("HTTP/1.1 503 "))
        }
        #expect(try RawConnection(installation.socket).isServed)
        #expect(try installation.brokerPID() == pid)
    }
}

extension RawConnection {
    /// Whether a request on it is answered.
    fileprivate var isServedAgain: Bool {
        send("GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n")
        return receive(until: "}").text.hasPrefix("HTTP/1.1 200 ")
    }

    /// Whether a request on it, the last one, is answered.
    fileprivate var isServed: Bool {
        ask("GET /v1/status HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
            .hasPrefix("HTTP/1.1 200 ")
    }
}
