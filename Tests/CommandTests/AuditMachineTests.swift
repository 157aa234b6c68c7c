import Foundation
import TestSupport
import Testing

/// The audit trail of a machine's broker: whom it names, what it hides, who reads it.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
struct AuditMachineTests {
    private static let wwwData: UInt32 = 33
    private static let games: UInt32 = 5

    private let broker: SystemBroker
    private let endpoint: ScriptedEndpoint

    init() throws {
        broker = try SystemBroker()
        endpoint = try TranscriptTests.endpoint.get()
        try broker.order("start")
        try broker.makeVault()
        try broker.add("visible-name", endpoint, "ok/\(UUID())", allows: "www-data")
    }

    private struct Line: Decodable {
        let event: String
        let uid: UInt32?
        let name: String?
        let rule: String?
        let reason: String?
        let count: Int?
    }

    private func trail() throws -> [Line] {
        try broker.bursar("audit", "--output", "json").output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    private func get(_ name: String, uid: UInt32) throws -> Finished {
        try broker.bursar("token", "get", name, uid: uid)
    }

    @Test func itSaysWhoGotWhatByWhichRule() throws {
        #expect(try get("visible-name", uid: Self.wwwData).output == "token-1\n")
        #expect(try get("visible-name", uid: Self.games).status == 77)
        #expect(try get("no-such-name", uid: Self.games).status == 77)
        #expect(
            try broker.bursar("vault", "disallow", "visible-name", "--user", "www-data").status
                == 0)
        let trail = try trail()
        #expect(
            trail.map(\.event) == [
                "begun", "create", "add", "allow", "token", "refused", "refused", "disallow",
            ])
        #expect(trail[4].uid == Self.wwwData)
        #expect(trail[4].rule == "user www-data (uid 33)")
        // The caller is not told whether it exists; whoever reads the trail is.
        #expect(trail[5].name == "visible-name")
        #expect(trail[5].reason == "not_allowed")
        #expect(trail[6].name == nil)
        #expect(trail[6].reason == "no_such_credential")
        #expect(try broker.bursar("audit", "--verify").status == 0)
    }

    /// The journal has the same, by record id.
    @Test func theJournalHasEachLineAndNoName() throws {
        _ = try get("visible-name", uid: Self.wwwData)
        _ = try get("visible-name", uid: Self.games)
        try broker.order("stop")
        let lines = broker.log.split(separator: "\n").filter { $0.contains("audit event=") }
        for word in [
            "event=create", "event=allow", "event=token", "event=refused",
            "event=stop",
        ] {
            #expect(lines.contains { $0.contains(word) }, "\(word): \(broker.log)")
        }
        let payout = try #require(lines.first { $0.contains("event=token") })
        #expect(payout.contains(" record="))
        #expect(payout.contains(" uid=33"))
        #expect(!broker.log.contains("visible"))
        #expect(!broker.log.contains("token-1"))
    }

    @Test(arguments: [wwwData, games])
    func nobodyElseReadsIt(uid: UInt32) throws {
        #expect(try broker.bursar("audit", uid: uid).status == 77)
        #expect(try broker.bursar("audit", "--verify", uid: uid).status == 77)
        #expect(
            try broker.bursar("audit", "--token-stdin", uid: uid, input: "token-1").status == 77)
    }

    /// Thousands of refusals: payouts go on, and the trail has a few lines of them.
    @Test func aFloodOfRefusalsStopsNoPayout() throws {
        let flood = try broker.run(
            "/bin/bash",
            [
                "-c",
                """
                for i in $(seq 20); do
                    curl -s -o /dev/null --unix-socket $S http://bursar/v1/credentials/[a-z][0-9]/token &
                done; wait
                """,
            ], uid: Self.games, environment: ["S": broker.socket])
        #expect(flood.status == 0)
        for _ in 0..<5 {
            #expect(try get("visible-name", uid: Self.wwwData).output == "token-1\n")
        }
        let before = try trail()
        #expect(before.count { $0.event == "token" } == 5)
        #expect(before.count { $0.event == "refused" } <= 10)
        // The rest is counted at the end.
        try broker.order("stop")
        try broker.order("start")
        #expect(try broker.bursar("--passphrase-file", broker.passphraseFile, "unlock").status == 0)
        let after = try trail()
        let refused = after.filter { $0.event == "refused" && $0.uid == Self.games }
        #expect(refused.count <= 10)
        #expect(refused.reduce(0) { $0 + ($1.count ?? 1) } == 20 * 260)
        #expect(try broker.bursar("audit", "--verify").status == 0)
    }
}
