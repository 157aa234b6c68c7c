import Foundation
import TestSupport
import Testing

@testable import BursarCommands

/// What the doctor makes of what it sees, in the client; the rest is in the transcript `doctor`.
struct DoctorCommandTests {
    @Test(arguments: [
        (0, true, "problem: clock: it is behind: before this version was made"),
        (1_793_491_199, true, "problem: clock: it is behind: before this version was made"),
        (1_793_491_200, true, "ok: clock: it is kept right"),
        (1_793_491_200, false, "note: clock: nothing is known to keep it right"),
        (1_793_491_200, nil, "note: clock: the kernel does not say whether it is kept right"),
    ])
    func eachStateOfTheClockHasItsLine(seconds: Int, isSynchronised: Bool?, line: String) {
        let findings = ClockFindings(seconds: seconds, isSynchronised: isSynchronised).findings
        #expect(findings.count == 1)
        #expect(findings.first?.line.hasPrefix(line) == true)
    }

    /// A server's words, or a file's name, can't speak to the terminal.
    @Test func controlCharactersAreEscaped() {
        let finding = FindingDocument.problem("x", "a\u{1b}[2Jb", cure: "c\nd")
        #expect(finding.line == "problem: x: a\\u{1b}[2Jb; cure: c\\u{a}d")
    }

    /// As another user, for root may lock as much as it likes.
    @Test(.enabled(if: getuid() == 0, "becoming another user takes root"), arguments: [0, 64])
    func aLimitOfLockedMemoryIsSeenByBothHalves(kibibytes: Int) throws {
        let installation = try Installation()
        let program = Installation.programs
        let ended = try installation.shell(
            """
            mkdir $F/bin; cp \(program)/bursar \(program)/bursard $F/bin; chmod 755 $F $F/bin/*
            chown -R 23456 $F/home $F/run $F/passphrase
            PATH=$F/bin:/usr/bin:/bin setpriv --reuid 23456 --regid 23456 --clear-groups \\
                --bounding-set=-all --inh-caps=-all bash -c '
                ulimit -l \(kibibytes)
                bursar doctor; bursar vault init --kdf interactive; bursar doctor; echo $?; bursar broker stop'
            """, try TranscriptTests.endpoint.get())
        let lines = ended.output.split(separator: "\n").filter {
            $0.contains(": memory lock: ") || $0.count < 2
        }
        let expected = [
            "problem: memory lock: a broker started here could not lock secrets in memory",
            "problem: memory lock: the kernel refuses to lock secrets in memory, so they may be swapped",
        ].map { "\($0) (limit: \(kibibytes) KiB); cure: allow 8 MiB" }
        #expect(lines.count == 3 && lines.last == "1", "\(ended.output) \(ended.error)")
        for (line, expected) in zip(lines, expected) { #expect(line.hasPrefix(expected)) }
    }

    /// Accepts connections and says nothing, until its standard input ends.
    private static let mute = """
        import signal, socket, sys
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        print(*[server.getsockname()[1] for server in servers], flush=True)
        sys.stdin.read()
        """

    /// A server that says nothing, and a proxy like that.
    @Test func nobodyIsWaitedForLong() throws {
        let installation = try Installation()
        let endpoint = try TranscriptTests.endpoint.get()
        let server = try Helper("/usr/bin/python3", ["-c", Self.mute])
        let ports = String(decoding: server.line, as: UTF8.self).split(
            whereSeparator: \.isWhitespace)
        try #require(ports.count == 2)
        try installation.makeVault()
        try installation.add("well", endpoint, "ok/doctor")
        let start = ContinuousClock.now
        let ended = try installation.shell(
            """
            printf s | bursar vault add mute --token-url https://127.0.0.1:\(ports[0])/t \\
                --client-id i --secret-stdin
            printf s | bursar vault add proxied --token-url https://127.0.0.1:\(ports[1])/t \\
                --client-id i --proxy http://127.0.0.1:\(ports[1]) --secret-stdin
            bursar doctor --connect | grep -oE '^[a-z]+: (mute|well|proxied): [^;]*'
            """, endpoint)
        #expect(ContinuousClock.now - start < .seconds(12))
        let lines = ended.output.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(2) == [
                "problem: mute: can't reach the token endpoint at \"127.0.0.1\": no connection in time",
                "problem: proxied: can't reach the token endpoint at \"127.0.0.1\": no connection in time",
            ], "\(ended.error)")
        #expect(lines.last?.hasPrefix("ok: well: ") == true)
    }
}

/// The doctor at a machine's broker: what administrators see, and what everybody else.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
struct MachineDoctorTests {
    private static let wwwData: UInt32 = 33

    private let broker: SystemBroker

    init() throws {
        broker = try SystemBroker()
        try broker.order("start")
        try broker.makeVault()
        try broker.add("x", TranscriptTests.endpoint.get(), "ok/\(UUID())")
    }

    private func lines(_ arguments: String..., uid: UInt32 = 0) throws -> (Int32, [String]) {
        let ended = try broker.run(
            broker.client, ["--socket", broker.socket, "doctor"] + arguments, uid: uid)
        let lines = ended.output.split(separator: "\n").map(String.init)
        return (ended.status, lines.filter { !$0.hasPrefix("ok: ") && !$0.contains(": clock: ") })
    }

    @Test func aRuleOfAUserWhoHasGoneIsNamed() throws {
        let user = "bursar-\(UUID().uuidString.prefix(8).lowercased())"
        _ = try ChildProcess.run("/usr/sbin/useradd", ["-M", user], environment: [:])
        defer { _ = try? ChildProcess.run("/usr/sbin/userdel", [user], environment: [:]) }
        let allowed = try broker.bursar("vault", "allow", "x", "--user", user)
        try #require(allowed.status == 0, "\(allowed.error)")
        #expect(try lines() == (0, []))
        let id = try ChildProcess.run("/usr/bin/id", ["-u", user], environment: [:]).output
            .trimmingCharacters(in: .newlines)
        let other = user.replacingOccurrences(of: "bursar", with: "other")
        _ = try ChildProcess.run("/usr/sbin/usermod", ["-l", other, user], environment: [:])
        try broker.order("restart")
        try unlock()
        #expect(
            try lines() == (
                1,
                [
                    "problem: x: the rule for user \(user) (uid \(id)) allows nobody: its id belongs to "
                        + "\"\(other)\" today; cure: bursar --system vault disallow x --user \(id), and "
                        + "allow whom you mean"
                ]
            ))
        _ = try ChildProcess.run("/usr/sbin/userdel", [other], environment: [:])
        try broker.order("restart")
        try unlock()
        #expect(
            try lines() == (
                1,
                [
                    "problem: x: the rule for user \(user) (uid \(id)) allows nobody: its id belongs to "
                        + "nobody today; cure: bursar --system vault disallow x --user \(id); should "
                        + "there be one? getent passwd \(id)"
                ]
            ))
    }

    private func unlock() throws {
        let unlocked = try broker.bursar("--passphrase-file", broker.passphraseFile, "unlock")
        try #require(unlocked.status == 0, "\(unlocked.error)")
    }

    @Test func whoIsNoAdministratorSeesTheClientsHalf() throws {
        #expect(
            try lines("--connect", uid: Self.wwwData) == (
                0, ["note: broker: it tells administrators alone how it is"]
            ))
    }

    @Test func curesNameTheMachinesBroker() throws {
        let set = try broker.bursar(
            "vault", "set", "x", "--token-url", "https://localhost:1/t", "--secret-stdin",
            input: "s")
        try #require(set.status == 0, "\(set.error)")
        #expect(
            try lines("--connect") == (
                1,
                [
                    "problem: x: can't reach the token endpoint at \"localhost\": connection refused; "
                        + "cure: is the URL right? bursar --system vault show x"
                ]
            ))
    }

    @Test func aLockedVaultNeedsAPerson() throws {
        try #require(try broker.bursar("lock").status == 0)
        #expect(
            try lines() == (
                1,
                [
                    "problem: vault: it is locked, so nobody gets a token; cure: bursar --system unlock"
                ]
            ))
    }
}
