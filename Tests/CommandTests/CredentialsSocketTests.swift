import Foundation
import TestSupport
import Testing

/// Whom the socket for `LoadCredential=` turns away.
///
/// That units get their tokens there, Scripts/test-system
/// shows with a real systemd.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
struct CredentialsSocketTests {
    private struct Answer: Decodable {
        let seconds: Double
        let data: String
    }

    private let broker: SystemBroker

    init() throws {
        broker = try SystemBroker()
        try #require(try broker.order("start").ready)
        try broker.makeVault()
        try broker.add("x", try TranscriptTests.endpoint.get(), "ok/unit-\(UUID())")
        _ = try broker.bursar("vault", "allow", "x", "--unit", "app.service")
    }

    private func ask(
        _ address: String, _ more: String..., uid: UInt32 = 0, before: [String] = []
    ) throws -> Answer {
        // Others may not connect at all; here it is loosened on purpose.
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o666], ofItemAtPath: broker.credentialsSocket)
        let script = try broker.unitCredentialScript()
        let words = before + ["/usr/bin/python3", script, broker.credentialsSocket, address] + more
        let ended = try broker.run(words[0], Array(words.dropFirst()), uid: uid)
        try #require(ended.status == 0, "\(ended.error)")
        return try JSONDecoder().decode(Answer.self, from: Data(ended.output.utf8))
    }

    /// Root alone is not enough: the process has to be in the unit's control group already.
    @Test(arguments: [
        "-", "b6/unit/app.service/x", "b6/unit/other.service/x", "b6/unit/app.service/none",
        "b6/unit/app.service", "nonsense",
    ])
    func rootThatIsNotTheUnitIsTurnedAway(address: String) throws {
        let answer = try ask(address)
        #expect(answer.data.isEmpty)
        #expect(answer.seconds < 1)
    }

    @Test func anotherUserIsTurnedAway() throws {
        let answer = try ask("b7/unit/app.service/x", uid: 34567)
        #expect(answer.data.isEmpty)
        #expect(answer.seconds < 1)
    }

    @Test func aCallerInAContainerIsTurnedAway() throws {
        let answer = try ask("b8/unit/app.service/x", before: ["/usr/bin/unshare", "-U", "-r"])
        #expect(answer.data.isEmpty)
        #expect(answer.seconds < 1)
    }

    /// No request of the other socket's kind is answered here.
    @Test func whatIsSentIsNotAnswered() throws {
        let answer = try ask(
            "b9/unit/app.service/x", "GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(answer.data.isEmpty)
        #expect(answer.seconds < 1)
    }

    /// Outside of systemd the broker binds it itself, for its own user alone.
    @Test func aBrokerOfOnesOwnBindsIt() throws {
        let ended = try ChildProcess.run(
            "/bin/bash",
            [
                "-c",
                """
                mkdir -m 700 $F/own
                bursard --vault $F/own/vault.db --socket $F/own/s --credentials-socket $F/own/c 2>/dev/null &
                for _ in $(seq 200); do [ -S $F/own/c ] && break; sleep 0.05; done
                stat -c %a $F/own/c; python3 \(try broker.unitCredentialScript()) $F/own/c - | grep -c '"data": ""'
                kill $!; wait $!; ls $F/own | grep -cx '[sc]'
                """,
            ],
            environment: [
                "F": broker.folder.path, "HOME": broker.folder.path,
                "PATH": Installation.programs + ":/usr/bin:/bin",
            ])
        #expect(ended.output == "600\n1\n0\n", "\(ended.error)")
    }

    /// The broker goes on, and the trail of refusals says who came.
    @Test func manyThatAreTurnedAwayLeaveNothingBehind() throws {
        let descriptors = { () throws -> Int in
            try FileManager.default.contentsOfDirectory(
                atPath: "/proc/\(try broker.order("listen 0").pid)/fd"
            ).count
        }
        let before = try descriptors()
        for _ in 0..<20 { #expect(try ask("-").data.isEmpty) }
        #expect(try descriptors() <= before + 1)
        #expect(try broker.bursar("status").status == 0)
        #expect(broker.log.contains("refused a connection that is not systemd's for a unit"))
        let trail = try broker.bursar("audit", "--output", "json").output
        #expect(trail.split(separator: "\n").count { $0.contains("not_the_unit") } == 9)
    }
}
