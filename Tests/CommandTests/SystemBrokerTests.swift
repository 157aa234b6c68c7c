import Foundation
import TestSupport
import Testing

/// A whole machine's broker, on sockets that somebody else made.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
struct SystemBrokerTests {
    private let endpoint: ScriptedEndpoint

    init() throws {
        endpoint = try TranscriptTests.endpoint.get()
    }

    /// Administrators, too, get tokens only by a rule.
    private func allowRoot(_ broker: SystemBroker) throws {
        try #require(try broker.bursar("vault", "allow", "x", "--user", "root").status == 0)
    }

    private func bursard(_ command: String) throws -> Finished {
        try ChildProcess.run(
            "/bin/bash", ["-c", command],
            environment: ["PATH": Installation.programs + ":/usr/bin:/bin"], seconds: 30)
    }

    /// Its peer, to every client, is root: the one who called `listen()`.
    @Test func clientsSeeRootAtTheInheritedSocket() throws {
        let broker = try SystemBroker()
        #expect(try broker.order("start").ready)
        try broker.makeVault()
        try broker.add("x", endpoint, "ok/system-\(UUID())")
        try allowRoot(broker)
        let got = try broker.bursar("token", "get", "x")
        #expect(got.output == "token-1\n", "\(got.error)\(broker.log)")
        // A user's client takes nobody but itself and root for a broker.
        let status = try broker.bursar("status", uid: 34567)
        #expect(!status.error.contains("belongs to another user"), "\(status.error)")
        let owner = try FileManager.default.attributesOfItem(atPath: broker.vault)[.ownerAccountID]
        #expect(owner as? UInt32 == SystemBroker.serviceUID)
        let state = try FileManager.default.contentsOfDirectory(
            atPath: broker.folder.path + "/bursar-state")
        #expect(!state.isEmpty)
    }

    /// The socket is systemd's: it stays, and whoever comes meanwhile waits for the next broker, which unlocks
    /// the vault before it serves anybody.
    @Test func restartsLoseNoRequest() async throws {
        let broker = try SystemBroker(passphrase: Installation.passphrase + "\n")
        #expect(try broker.order("start").ready)
        try broker.makeVault()
        try broker.add("x", endpoint, "ok/restart-\(UUID())")
        try allowRoot(broker)
        let loop = """
            for i in $(seq 60); do bursar --socket \(broker.socket) token get x >/dev/null || echo lost; done
            """
        async let asked = broker.run(
            "/bin/bash", ["-c", "{ \(loop); } & { \(loop); } & wait; echo done"], uid: 0)
        var pids: Set<Int32> = []
        for _ in 0..<4 {
            let answer = try broker.order("restart")
            #expect(answer.ready)
            #expect(answer.status == nil)
            #expect(answer.notices.contains("STOPPING=1"))
            pids.insert(answer.pid)
            try await Task.sleep(for: .milliseconds(300))
        }
        let ended = try await asked
        #expect(ended.output == "done\n", "\(ended.error)\(broker.log)")
        #expect(pids.count == 4)
        let mode = try FileManager.default.attributesOfItem(atPath: broker.socket)[
            .posixPermissions]
        #expect(mode as? Int == 0o666)
    }

    /// Its request may be on the way when the broker is told to end.
    @Test func whoHasJustConnectedIsStillAnswered() throws {
        let broker = try SystemBroker()
        let pid = try broker.order("start").pid
        let connection = try RawConnection(broker.socket)
        usleep(50_000)
        kill(pid, SIGTERM)
        usleep(50_000)
        connection.send("GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(connection.receive(seconds: 10).text.hasPrefix("HTTP/1.1 200 "))
        #expect(try broker.order("stop").status == 0)
    }

    @Test(arguments: ["", "LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_PID=$$ LISTEN_FDS=0"])
    func withoutAnInheritedSocketNothingStarts(variables: String) throws {
        let ended = try bursard("exec env \(variables) bursard --system --vault /nowhere/vault.db")
        #expect(ended.status == 78)
        #expect(
            ended.error == """
                bursard: error: no socket was handed over: a system broker's is always made by systemd
                bursard: hint: systemctl start bursard.socket

                """)
    }

    @Test(arguments: [
        ("--system --idle 1m", 64), ("--system --system", 64), ("--system=yes", 64),
    ])
    func someArgumentsDoNotGoTogether(arguments: String, status: Int32) throws {
        #expect(try bursard("bursard \(arguments)").status == status)
    }

    /// In a user namespace every foreign uid reads as 65534.
    @Test func aBrokerThatSeesOtherUserIDsDoesNotStart() throws {
        let ended = try bursard("unshare -U -r bursard --system")
        #expect(ended.status == 78)
        #expect(ended.error.contains("this process sees other user ids than the machine has"))
    }

    @Test(arguments: [
        ("chmod 777 $F/run", "others can use it (mode 0777)"),
        ("chown 34567 $F/run", "it belongs to another user (uid 34567)"),
    ])
    func aSocketWhereOthersCanPutOneIsNotServed(change: String, words: String) throws {
        let broker = try SystemBroker()
        _ = try ChildProcess.run(
            "/bin/sh", ["-c", change],
            environment: ["F": broker.folder.path, "PATH": "/usr/bin:/bin"])
        let answer = try broker.order("start")
        #expect(answer.status == 78)
        #expect(broker.log.contains(words), "\(broker.log)")
    }

    @Test func theSocketsPathIsTheOneThatWasAskedFor() throws {
        let broker = try SystemBroker(arguments: ["--socket", "/run/elsewhere.sock"])
        #expect(try broker.order("start").status == 78)
        #expect(broker.log.contains("not \"/run/elsewhere.sock\""), "\(broker.log)")
    }

    /// Without names, and under those that systemd gives by itself, the path tells which is which.
    @Test(arguments: ["", "bursard.socket:bursard.socket", "credentials:broker"])
    func socketsAreToldApartByNameElseByPath(names: String) throws {
        let broker = try SystemBroker(names: names)
        #expect(try broker.order("start").ready)
        let swapped = names == "credentials:broker"
        let place = swapped ? broker.credentialsSocket : broker.socket
        #expect(broker.log.contains("listening socket=\(place)"), "\(broker.log)")
    }

    /// A hang-up reloads; tokens stay, nobody is turned away.
    @Test func aHangUpIsAReload() throws {
        let broker = try SystemBroker()
        #expect(try broker.order("start").ready)
        try broker.makeVault()
        let behaviour = "ok/reload-\(UUID())"
        try broker.add("x", endpoint, behaviour)
        try allowRoot(broker)
        #expect(try broker.bursar("token", "get", "x").status == 0)
        let answer = try broker.order("signal \(SIGHUP)")
        #expect(answer.ready)
        #expect(answer.notices.first == "RELOADING=1")
        #expect(answer.notices.dropFirst().first?.hasPrefix("MONOTONIC_USEC=") == true)
        #expect(try broker.bursar("token", "get", "x").output == "token-1\n")
        #expect(try endpoint.count(behaviour) == 1)
    }

    @Test func theWatchdogHearsFromIt() throws {
        let broker = try SystemBroker(environment: ["WATCHDOG_USEC": "400000"])
        #expect(try broker.order("start").ready)
        let notices = try broker.order("listen 0.35").notices
        #expect(notices.contains("WATCHDOG=1"), "\(notices)")
        #expect(notices.allSatisfy { $0 == "WATCHDOG=1" })
    }

    /// It starts, locked, and says why; the passphrase is in no message.
    @Test(arguments: [
        (nil, "no passphrase was handed over: starting locked"),
        ("wrong horse\n", "starting locked: can't open the vault: wrong passphrase"),
        ("", "starting locked: the passphrase is empty"),
    ])
    func withoutTheRightPassphraseItStartsLocked(passphrase: String?, words: String) throws {
        let maker = try SystemBroker()
        #expect(try maker.order("start").ready)
        try maker.makeVault()
        #expect(try maker.order("stop").status == 0)
        let broker = try SystemBroker(passphrase: passphrase)
        _ = try ChildProcess.run(
            "/bin/cp",
            [
                "-a", maker.folder.path + "/bursar", maker.folder.path + "/bursar-state",
                broker.folder.path + "/",
            ], environment: [:])
        #expect(try broker.order("start").ready)
        #expect(broker.log.contains(words), "\(broker.log)")
        #expect(!broker.log.contains("horse"))
        let status = try broker.bursar("status", "--output", "json")
        #expect(status.output.contains("\"locked\":true"), "\(status)")
    }
}
