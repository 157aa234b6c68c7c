import Foundation
import TestSupport
import Testing

/// Real users at a machine's broker: who gets a token, who does not, and what a refusal tells.
///
/// The accounts are such as every Debian has.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
struct MachineCallerTests {
    private static let wwwData: UInt32 = 33
    private static let games: UInt32 = 5
    private static let staff: UInt32 = 50

    private let broker: SystemBroker
    private let endpoint: ScriptedEndpoint

    /// A vault with a credential `x`, and nobody allowed anything.
    init() throws {
        broker = try SystemBroker()
        endpoint = try TranscriptTests.endpoint.get()
        try broker.order("start")
        try broker.makeVault()
        try broker.add("x", endpoint, "ok/\(UUID())", allows: nil)
    }

    private func allow(_ arguments: String...) throws {
        let allowed = try broker.run(
            broker.client, ["--socket", broker.socket, "vault", "allow", "x"] + arguments, uid: 0)
        try #require(allowed.status == 0, "\(allowed.error)")
    }

    private func get(
        _ arguments: String..., uid: UInt32, groups: [UInt32] = []
    ) throws -> Finished {
        try broker.run(
            broker.client, ["--socket", broker.socket, "token", "get", "x"] + arguments, uid: uid,
            groups: groups)
    }

    /// Runs a script as a user; `get PATH` prints status and body of an answer.
    private func shell(_ script: String, uid: UInt32 = wwwData) throws -> Finished {
        try broker.run(
            "/bin/bash",
            [
                "-c",
                """
                ask() { timeout 20 curl -s --unix-socket $S "$@"; }
                get() { ask -o /dev/null -w '%{http_code}\\n' http://bursar/v1/$1; }
                \(script)
                """,
            ], uid: uid, environment: ["S": broker.socket, "F": broker.folder.path])
    }

    @Test func nobodyGetsATokenWithoutARule() throws {
        for uid in [0, Self.wwwData] {
            let refused = try get(uid: uid)
            #expect(refused.status == 77)
            #expect(refused.output.isEmpty)
        }
        // Root may know that it exists, and how to find out why.
        let root = try get(uid: 0)
        #expect(
            root.error == """
                bursar: error: no token for "x": no rule of it allows this caller (uid 0) what it asks for
                bursar: hint: see why: bursar --system explain x

                """)
    }

    @Test(
        arguments: [
            (["--user", "www-data"], wwwData, [], true), (["--user", "33"], wwwData, [], true),
            (["--user", "www-data"], games, [], false),
            (["--group", "staff"], wwwData, [staff], true),
            (["--group", "staff"], wwwData, [], false),
            (["--group", "www-data"], wwwData, [], true),
            (["--user", "root"], 0, [], true), (["--unit", "cron.service"], wwwData, [], false),
            (["--user", "www-data", "--use", "proxy"], wwwData, [], false),
        ] as [([String], UInt32, [UInt32], Bool)])
    func aRuleAllowsWhomItNames(
        rule: [String], uid: UInt32, groups: [UInt32], isAllowed: Bool
    ) throws {
        let allowed = try broker.run(
            broker.client, ["--socket", broker.socket, "vault", "allow", "x"] + rule, uid: 0)
        #expect(allowed.status == 0, "\(allowed.error)")
        let got = try get(uid: uid, groups: groups)
        #expect(got.status == (isAllowed ? 0 : 77), "\(got.error)")
        #expect(got.output == (isAllowed ? "token-1\n" : ""))
    }

    @Test(arguments: [
        (["--user", "no-such-user"], "there is no user \"no-such-user\""),
        (["--group", "no-such-group"], "there is no group \"no-such-group\""),
        (["--user", "4000000"], "there is no user \"4000000\""),
        (["--user", "nobody"], "is nobody in particular"),
        (["--user", "65534"], "is nobody in particular"),
        (["--user", "61184"], "is nobody in particular"),
        (["--user", "65519"], "is nobody in particular"),
        (["--group", "nogroup"], "is nobody in particular"),
        (["--user", "4294967295"], "is nobody in particular"),
        (["--unit", "user@1000.service"], "is no service of the machine"),
        (["--unit", "a/b.service"], "is no service of the machine"),
        (["--unit", "app.scope"], "is no service of the machine"),
        (["--user", "games", "--group", "staff"], "give one of --user, --group and --unit"),
        ([], "give one of --user, --group and --unit"),
        (["--user", "games", "--scope", "a\"b"], "scope"),
        (["--user", "games", "--max-per-minute", "0"], "--max-per-minute is 1 to 10000"),
        (["--user", "games", "--use", "sale"], "sale"),
    ])
    func aRuleForNobodyInParticularIsRefused(rule: [String], words: String) throws {
        let refused = try broker.run(
            broker.client, ["--socket", broker.socket, "vault", "allow", "x"] + rule, uid: 0)
        #expect(refused.status == 64)
        #expect(refused.error.contains(words), "\(refused.error)")
    }

    @Test func aRefusalDoesNotTellWhetherTheCredentialExists() throws {
        try allow("--user", "games")
        let words = try shell(
            """
            ask http://bursar/v1/credentials/x/token | sed 's/\\\\"x\\\\"/NAME/'; echo
            ask http://bursar/v1/credentials/y/token | sed 's/\\\\"y\\\\"/NAME/'; echo
            """)
        let lines = words.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first == lines.last)
        #expect(
            lines.first?.contains(
                "no token for NAME: no such credential, or this caller (uid 33) is not allowed"
            )
                == true)
        let shown = try broker.bursar("token", "get", "y", uid: Self.wwwData)
        #expect(shown.status == 77)
        #expect(try broker.bursar("token", "get", "y").status == 66)
    }

    /// Every path, and every method on it.
    @Test func whoIsNoAdministratorGetsNothingElse() throws {
        try allow("--user", "www-data", "--scope", "read")
        let ended = try shell(
            """
            for method in GET POST PUT DELETE PATCH HEAD OPTIONS TRACE QUERY; do
                for path in credentials/x credentials/y credentials/x/allow credentials/x/disallow \\
                    credentials/x/explain unlock lock stop vault passphrase check audit doctor nothing \\
                    credentials/y/token; do
                    printf '%s %s ' $method $path
                    ask -o /dev/null -w '%{http_code}\\n' -m 10 -X $method http://bursar/v1/$path
                done
            done | grep -v ' 403$'
            get status; get credentials; get credentials/x/token?scope=read
            ask http://bursar/v1/status; echo; ask http://bursar/v1/credentials
            """)
        #expect(
            ended.output.hasPrefix(
                "200\n200\n200\n{\"version\":\"0.1.0\",\"locked\":false}\n{\"credentials\":[{\"name\":\"x\"}]}"
            ), "\(ended.output)")
        let others = try shell("ask http://bursar/v1/credentials", uid: Self.games)
        #expect(others.output == "{\"credentials\":[]}")
    }

    @Test func aRuleHoldsForTheNextRequest() throws {
        try allow("--user", "www-data")
        #expect(try get(uid: Self.wwwData).status == 0)
        let taken = try broker.bursar("vault", "disallow", "x", "--user", "www-data")
        #expect(taken.status == 0, "\(taken.error)")
        #expect(try get(uid: Self.wwwData).status == 77)
        let again = try broker.bursar("vault", "disallow", "x", "--user", "www-data")
        #expect(again.status == 66)
        #expect(
            again.error.hasPrefix(
                "bursar: error: no rule of \"x\" is for the user \"www-data\"\nbursar: hint: its rules: bursar "
            ))
    }

    /// One rule for each user: the later takes the place of the earlier.
    @Test func aRuleReplacesTheOneForTheSameCaller() throws {
        try allow("--user", "www-data", "--scope", "read")
        try allow("--user", "33", "--scope", "write")
        #expect(try get("--scope", "read", uid: Self.wwwData).status == 77)
        #expect(try get("--scope", "write", uid: Self.wwwData).status == 0)
        let shown = try broker.bursar("vault", "show", "x")
        #expect(
            shown.output.split(separator: "\n").filter { $0.hasPrefix("allowed ") }
                == ["allowed          user www-data (33), scopes write"])
    }

    /// `vault set` and `vault add --replace` change what a credential is, not who gets its tokens.
    @Test func aChangeOfTheCredentialKeepsItsRules() throws {
        try allow("--user", "www-data")
        #expect(try broker.bursar("vault", "set", "x", "--scope", "read").status == 0)
        #expect(try get(uid: Self.wwwData).status == 0)
        // A new credential of an old name has none.
        #expect(try broker.bursar("vault", "remove", "x", "--yes").status == 0)
        try broker.add("x", endpoint, "ok/\(UUID())", allows: nil)
        #expect(try get(uid: Self.wwwData).status == 77)
    }

    @Test(
        arguments: [
            (["--scope", "admin"], 77), (["--audience", "other"], 77),
            (["--resource", "urn:other"], 77),
            (["--scope", "read"], 0), (["--scope", "read admin"], 77),
        ] as [([String], Int32)])
    func anAllowedCallerGetsNoMoreThanItsRule(asked: [String], status: Int32) throws {
        try allow("--user", "www-data", "--scope", "read", "--scope", "write")
        let got = try broker.run(
            broker.client, ["--socket", broker.socket, "token", "get", "x"] + asked,
            uid: Self.wwwData)
        #expect(got.status == status, "\(got.error)")
    }

    /// In 30 s there is one token request for one key, whatever its callers want.
    @Test(arguments: ["fresh=1", "min_valid=90000"])
    func aLoopCausesOneTokenRequest(query: String) throws {
        let path = "ok/\(UUID())"
        try broker.add("y", endpoint, path, allows: nil)
        #expect(try broker.bursar("vault", "allow", "y", "--user", "www-data").status == 0)
        let ended = try shell(
            "for _ in $(seq 40); do get 'credentials/y/token?\(query)'; done | sort | uniq -c")
        #expect(ended.output.trimmingCharacters(in: .whitespacesAndNewlines) == "40 200")
        #expect(try endpoint.count(path) == 1)
    }

    @Test func aLimitIsKept() throws {
        try allow("--user", "www-data", "--max-per-minute", "3")
        for _ in 1...3 { #expect(try get(uid: Self.wwwData).status == 0) }
        let refused = try get(uid: Self.wwwData)
        #expect(refused.status == 75)
        #expect(refused.error.contains("this caller's rule allows 3 tokens a minute; next one in "))
    }

    @Test func whileLockedEveryNameIsTheSame() throws {
        try allow("--user", "www-data")
        #expect(try broker.bursar("lock").status == 0)
        let words = try shell(
            "ask http://bursar/v1/credentials/x/token; echo; ask http://bursar/v1/credentials/y/token"
        )
        let lines = words.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first == lines.last)
        #expect(lines.first?.contains("the vault is locked") == true)
        // Nor may it unlock: it is not even asked for the passphrase.
        let unlock = try broker.bursar("unlock", uid: Self.wwwData, input: "x")
        #expect(unlock.status == 77)
    }

    @Test func explainSaysWhichRuleDecidesAndWhichNearlyDid() throws {
        try allow("--group", "staff", "--scope", "write")
        try allow("--user", "www-data", "--scope", "read")
        let cases: [([String], String)] = [
            (
                ["--as", "uid=33", "--scope", "read"],
                "allowed: uid 33, gid 33: the rule for user www-data (uid 33) allows it\n"
            ),
            (
                ["--as", "uid=33,gid=50", "--scope", "admin"],
                """
                refused: uid 33, gid 50: no rule allows it
                nearly: the rule for group staff (gid 50) does not: it does not have the scope "admin"
                nearly: the rule for user www-data (uid 33) does not: it does not have the scope "admin"

                """
            ),
            (
                ["--as", "uid=33,container=1", "--scope", "read"],
                """
                refused: uid 33, gid 33, in a container: no rule allows it
                nearly: the rule for user www-data (uid 33) does not: the caller is in a container, and the rule does not say so

                """
            ),
            (
                ["--as", "unit=cron"],
                "refused: uid 65534, unit cron.service: no rule allows it\n"
            ),
        ]
        for (arguments, words) in cases {
            let ended = try broker.run(
                broker.client, ["--socket", broker.socket, "explain", "x"] + arguments, uid: 0)
            #expect(ended.status == 0, "\(ended.error)")
            #expect(ended.output == words)
        }
        #expect(try broker.bursar("explain", "x", uid: Self.wwwData).status == 77)
        let bad = try broker.bursar("explain", "x", "--as", "user=root")
        #expect(bad.status == 64)
    }

    /// Containers are made of these: their callers count as contained, their root as no administrator.
    @Test(arguments: [
        "setpriv --reuid 33 --regid 33 --clear-groups unshare -U",
        "unshare -p --fork setpriv --reuid 33 --regid 33 --clear-groups",
        "unshare -U -r", "unshare -p --fork",
    ])
    func aCallerInANamespaceOfItsOwnIsContained(way: String) throws {
        for subject in ["www-data", "root"] { try allow("--user", subject) }
        let script =
            """
            ask() { \(way) curl -s -m 10 --unix-socket $S "$@"; }
            get() { ask -o /dev/null -w '%{http_code} ' http://bursar/v1/$1; }
            get credentials/x/token; get credentials/x
            """
        let refused = try shell(script, uid: 0)
        #expect(refused.output == "403 403 ", "\(refused.error)")
        for subject in ["www-data", "root"] { try allow("--user", subject, "--container") }
        let allowed = try shell(script, uid: 0)
        #expect(allowed.output == "200 403 ", "\(allowed.error)")
    }

    /// Where `/proc` hides the callers nobody can tell a container, so everybody counts as in one.
    @Test func whereProcIsHiddenNobodyAdministers() throws {
        let hidden = try SystemBroker(hidesProcesses: true)
        try hidden.order("start")
        let refused = try hidden.bursar(
            "--passphrase-file", hidden.passphraseFile, "vault", "init", "--kdf", "interactive")
        #expect(refused.status == 77, "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: hidden.vault))
    }

    /// Another client in the place of one: whoever was allowed stays allowed, and the owner is told.
    @Test func replacingSaysThatTheRulesStay() throws {
        try allow("--user", "games")
        let replaced = try broker.bursar(
            "vault", "add", "x", "--replace", "--token-url", endpoint.url("ok/\(UUID())"),
            "--client-id", "id",
            "--secret-stdin", input: "another")
        #expect(replaced.status == 0)
        #expect(
            replaced.error == """
                bursar: warning: whoever was allowed the old one is allowed this one (1 rule): see bursar vault show x

                """)
    }

    /// Bodies as bytes, in shell's `printf` form, and the status that each gets.
    static let bodies: [(String, Int)] = [
        ("{\"user\":\"www-data\"}", 200), ("", 400), ("[]", 400), ("{}", 400),
        ("{\"user\":\"www-data\",\"admin\":true}", 400),
        ("{\"user\":\"www-data\",\"user\":\"games\"}", 400),
        ("{\"user\":\"www-data\",\"group\":\"staff\"}", 400),
        ("{\"user\":\"\\377\"}", 400), ("{\"user\":33}", 400),
        ("{\"user\":\"www-data\",\"scopes\":\"read\"}", 400),
        ("{\"user\":\"www-data\",\"max_per_minute\":-1}", 400),
        ("{\"user\":\"www-data\",\"uses\":[\"sale\"]}", 400),
        ("%70000s", 413),
    ]

    @Test(arguments: bodies)
    func aRuleIsReadStrictly(body: String, status: Int) throws {
        let ended = try shell(
            "printf '\(body)' | ask -o /dev/null -w '%{http_code}' --data-binary @- http://bursar/v1/credentials/x/allow",
            uid: 0)
        #expect(ended.output == "\(status)")
        let shown = try broker.bursar("vault", "show", "x").output
        #expect(shown.contains("allowed ") == (status == 200))
    }

    /// The process that connected has ended when the broker looks, and its pid may be another's by then: a
    /// descriptor that outlived it has the rights of nobody who can be told.
    @Test func aProcessThatEndedIsNoUnitAndNoAdministrator() throws {
        try allow("--user", "www-data")
        let pid = try broker.order("listen 0.1").pid
        let ended = try shell(
            """
            kill -STOP \(pid)
            timeout 60 python3 - $S \(pid) <<'E'
            import os, signal, socket, sys, time
            path, broker = sys.argv[1], int(sys.argv[2])

            def ask(keeps_pid):
                # A child connects and ends; its connection goes on here.
                mine, its = socket.socketpair()
                child = os.fork()
                if child == 0:
                    os.setgroups([]); os.setgid(33); os.setuid(33)
                    peer = socket.socket(socket.AF_UNIX)
                    peer.connect(path)
                    socket.send_fds(its, [b"x"], [peer.fileno()])
                    if keeps_pid:
                        signal.pause()
                    os._exit(0)
                _, fds, _, _ = socket.recv_fds(mine, 1, 1)
                peer = socket.socket(fileno=fds[0])
                again = None
                if not keeps_pid:
                    os.waitpid(child, 0)
                    # The same pid and the same user anew.
                    for _ in range(200):
                        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                            last.write(str(child - 1))
                        again = os.fork()
                        if again == 0:
                            os.setgroups([]); os.setgid(33); os.setuid(33)
                            signal.pause()
                            os._exit(0)
                        if again == child:
                            break
                        os.kill(again, signal.SIGKILL); os.waitpid(again, 0)
                    if again != child:
                        print("the pid did not come back")
                time.sleep(0.2)
                os.kill(broker, signal.SIGCONT)
                peer.sendall(b"GET /v1/credentials/x/token HTTP/1.1\\r\\nHost: b\\r\\n\\r\\n")
                peer.settimeout(20)
                print(peer.recv(4096)[9:12].decode())
                os.kill(again or child, signal.SIGKILL)
                os.waitpid(again or child, 0)

            ask(False)
            os.kill(broker, signal.SIGSTOP)
            ask(True)
            E
            """, uid: 0)
        #expect(ended.output == "403\n200\n", "\(ended.error)")
    }
}
