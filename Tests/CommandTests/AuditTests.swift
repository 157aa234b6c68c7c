import Foundation
import TestSupport
import Testing

/// `bursar audit`, and what the broker does for it, as a person sees both.
@Suite
struct AuditTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
    }

    private struct Line: Decodable {
        let seq: Int
        let event: String
        let uid: Int?
        let name: String?
        let reason: String?
        let scopes: [String]?
        let while_locked: Bool?
    }

    private func begin() throws {
        try installation.makeVault()
        try installation.add("visible-name", endpoint, "ok/\(UUID())", "--scope", "read")
    }

    private func trail() throws -> [Line] {
        let ended = try installation.bursar("audit", "--output", "json")
        #expect(ended.status == 0, "\(ended.error)")
        return try ended.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    /// The trail's own file.
    private var file: String {
        get throws {
            let state = installation.path("home/.local/state/bursar")
            let name = try FileManager.default.contentsOfDirectory(atPath: state)
                .first { $0.hasSuffix(".audit") }
            return state + "/" + (try #require(name))
        }
    }

    @Test func theTrailSaysWhatHappened() throws {
        try begin()
        for _ in 0..<3 { try installation.bursar("token", "get", "visible-name") }
        try installation.bursar("lock")
        installation.write("wrong", "wrong\n")
        #expect(
            try installation.bursar("unlock", "--passphrase-file", installation.path("wrong"))
                .status == 77)
        try installation.bursar("unlock")
        try installation.bursar("vault", "set", "visible-name", "--scope", "write")
        try installation.bursar("vault", "remove", "visible-name", "--yes")
        #expect(try installation.bursar("token", "get", "visible-name").status == 66)
        installation.write("new", "another\n")
        try installation.bursar(
            "vault", "passwd", "--new-passphrase-file", installation.path("new"))
        let trail = try trail()
        #expect(
            trail.map(\.event) == [
                "begun", "create", "add", "token", "token", "token", "lock", "wrong_passphrase",
                "unlock", "change", "remove", "refused", "passphrase",
            ])
        #expect(trail.map(\.seq) == Array(1...13))
        // Names are put in, of a removed credential too.
        #expect(trail[3].name == "visible-name")
        #expect(trail[3].scopes == ["read"])
        #expect(trail[10].name == "visible-name")
        #expect(trail[3].uid == Int(getuid()))
        #expect(trail[7].while_locked == true)
        #expect(trail[11].reason == "no_such_credential")
        // None of them, no token and no secret is in the file.
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for word in ["visible", "token-1", "canary", "s3cret", "correct horse", "another"] {
            #expect(!text.contains(word), "\(word)")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        installation.write("passphrase", "another\n")
        let table = try installation.bursar("audit").output.split(separator: "\n")
        #expect(table.count == 14)
        #expect(table[0].hasPrefix("TIME  "))
        #expect(table[4].contains("  visible-name          scope read, by owner"), "\(table[4])")
    }

    @Test func aTokenThatWasFoundSomewhereIsTraced() throws {
        try begin()
        let token = try installation.bursar("token", "get", "visible-name").output
        try installation.bursar("token", "get", "visible-name", "--fresh")
        try installation.bursar("token", "get", "visible-name")
        try installation.bursar("broker", "stop")
        let found = try installation.bursar(
            "audit", "--token-stdin", "--output", "json", input: token)
        #expect(found.output.split(separator: "\n").count == 1)
        #expect(found.output.contains("\"event\":\"token\""))
        #expect(found.output.contains("\"name\":\"visible-name\""))
        let other = try installation.bursar("audit", "--token-stdin", input: "no-such-token\n")
        #expect(other.status == 66)
        #expect(other.output.isEmpty)
        #expect(
            other.error == "bursar: error: the audit trail has no payout of this token\n")
        #expect(try installation.bursar("audit", "--token-stdin", input: "\n").status == 64)
    }

    @Test func aChangedLineIsSaidAndEndsWith65() throws {
        try begin()
        for _ in 0..<3 { try installation.bursar("token", "get", "visible-name") }
        let whole = try installation.bursar("audit", "--verify")
        #expect(whole.status == 0)
        #expect(
            whole.output == """
                lines 1 to 6: the chain is whole; after line 3, the last checkpoint, it can't be proved that none \
                is missing at the end

                """)
        try installation.bursar("broker", "stop")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let path = try file
        func verify(_ changed: String) throws -> Finished {
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(changed.utf8), attributes: [.posixPermissions: 0o600])
            let ended = try installation.bursar("audit", "--verify")
            try installation.bursar("broker", "stop")
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
            for name in try FileManager.default.contentsOfDirectory(
                atPath: (path as NSString).deletingLastPathComponent)
            where name.contains(".audit.") {
                try FileManager.default.removeItem(
                    atPath: (path as NSString).deletingLastPathComponent + "/" + name)
            }
            return ended
        }
        var lines = text.components(separatedBy: "\n")
        lines[3] = lines[3].replacingOccurrences(of: "\"pid\":", with: "\"pid\":1")
        let changed = try verify(lines.joined(separator: "\n"))
        #expect(changed.status == 65)
        #expect(changed.output.hasPrefix("line 4 was changed\nlines 1 to "))
        #expect(
            changed.error.hasPrefix(
                "bursar: error: the audit trail is not as it was written: 1 finding\nbursar: hint: "
            ))
        let kept = text.components(separatedBy: "\n")
        let cut = try verify(kept.prefix(4).joined(separator: "\n") + "\n")
        #expect(cut.status == 65)
        #expect(cut.output.contains("the trail was begun anew with line "), "\(cut.output)")
        // Where tokens go is not held up by that.
        #expect(try installation.bursar("token", "get", "visible-name").status == 0)
    }

    /// A line that the broker never wrote hides none of those after it.
    @Test func aStrangeLineDoesNotEndTheListing() throws {
        try begin()
        for _ in 0..<3 { try installation.bursar("token", "get", "visible-name") }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        var lines = text.components(separatedBy: "\n")
        lines[3] = lines[3].replacingOccurrences(of: "\"time\"", with: "\"emit\"")
        lines[4] = lines[4].replacingOccurrences(of: ",\"time\"", with: ",}\u{1b}[2J\"")
        let handle = try #require(FileHandle(forWritingAtPath: try file))
        try handle.write(contentsOf: Data(lines.joined(separator: "\n").utf8))
        try handle.close()
        let shown = try installation.bursar("audit")
        #expect(shown.status == 0, "\(shown.error)")
        let rows = shown.output.split(separator: "\n")
        try #require(rows.count == 7)
        #expect(rows[4].hasPrefix("{\"seq\":4,\"emit\":"))
        #expect(rows[5].hasPrefix("{\"seq\":5,}\\u{1b}[2J"), "\(rows[5])")
        #expect(rows[6].contains("  token  "))
    }

    @Test func linesAreFollowedUntilTheBrokerEnds() throws {
        try begin()
        let ended = try installation.shell(
            """
            bursar audit --follow --output json > $F/out & follower=$!
            for _ in $(seq 100); do [ -s $F/out ] && break; sleep 0.05; done
            bursar token get visible-name
            for _ in $(seq 100); do grep -q '"event":"token"' $F/out && break; sleep 0.05; done
            bursar broker stop; wait $follower; echo $?
            grep -c . $F/out; grep -c '"event":"token".*"name":"visible-name"' $F/out
            """, endpoint, seconds: 40)
        #expect(ended.output == "token-1\n0\n4\n1\n", "\(ended.output) \(ended.error)")
    }

    @Test func anInterruptEndsAFollower() throws {
        try begin()
        let ended = try installation.shell(
            """
            python3 - <<'END'
            import signal, subprocess, time
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            follower = subprocess.Popen(["bursar", "audit", "--follow"], stdout=subprocess.PIPE)
            follower.stdout.readline()
            follower.send_signal(signal.SIGINT)
            print(follower.wait(10))
            follower = subprocess.Popen(["bursar", "audit", "--follow"], stdout=subprocess.PIPE)
            follower.stdout.readline()
            follower.stdout.close()
            subprocess.run(["bursar", "token", "get", "visible-name"], stdout=subprocess.DEVNULL)
            print(follower.wait(10) != 0)
            END
            """, endpoint, seconds: 40)
        #expect(ended.output == "-2\nTrue\n", "\(ended.error)")
    }

    @Test(arguments: [
        ["--follow", "--verify"], ["--verify", "--token-stdin"], ["--token-stdin", "--follow"],
    ])
    func oneThingAtATime(arguments: [String]) throws {
        let ended = try ChildProcess.run(
            Installation.programs + "/bursar", ["audit"] + arguments,
            environment: installation.environment)
        #expect(ended.status == 64)
    }

    /// The disk of the trail is full: no token, no change of the vault; with room again, both.
    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func withoutRoomForALineNothingIsPaidOut() throws {
        let ended = try installation.shell(
            """
            exec 2>&1
            state=$F/home/.local/state; mkdir -p -m 700 $F/home/.local $state
            mount -t tmpfs -o size=128k,mode=700 tmpfs $state || exit 1
            trap 'bursar broker stop; umount $state' EXIT
            bursar vault init --kdf interactive
            printf s3cret | bursar vault add x --token-url $ENDPOINT/ok/\(UUID()) $TO --secret-stdin
            bursar token get x
            head -c 200k /dev/zero > $state/filler
            for i in $(seq 200); do bursar token get x > $F/out 2> $F/err || { echo "= $?"; break; }; done
            wc -c < $F/out; cat $F/err
            printf s3cret | bursar vault add y --token-url $ENDPOINT/ok $TO --secret-stdin > $F/out 2>&1
            echo "= $?"; head -1 $F/out
            bursar vault remove x --yes > $F/out 2>&1; echo "= $?"
            bursar vault list | cut -d' ' -f1
            bursar lock; bursar unlock 2>&1 | cut -c1-70; bursar token get x >/dev/null 2>&1; echo "= $?"
            rm $state/filler
            bursar token get x; printf s3cret | bursar vault add y --token-url $ENDPOINT/ok $TO --secret-stdin
            bursar vault list | cut -d' ' -f1; bursar audit --verify >/dev/null; echo "= $?"
            """, endpoint, seconds: 120)
        #expect(
            ended.output == """
                token-1
                head: error writing 'standard output': No space left on device
                = 74
                0
                bursar: error: can't write the audit trail: no space left on device
                bursar: hint: is the disk full, or read-only? df -h
                = 74
                bursar: error: can't write the audit trail: no space left on device
                = 74
                NAME
                x
                bursar: warning: how new the vault is can't be remembered: can't write
                = 74
                token-2
                NAME
                x
                y
                = 0

                """)
    }

    @Test func aTrailThatWasReplacedStopsPayoutsUntilThatIsSeen() throws {
        try begin()
        try installation.bursar("token", "get", "visible-name")
        try FileManager.default.moveItem(atPath: try file, toPath: try file + "x")
        let refused = try installation.bursar("token", "get", "visible-name")
        #expect(refused.status == 74)
        #expect(refused.output.isEmpty)
        #expect(
            refused.error == """
                bursar: error: can't write the audit trail: it was replaced or changed while it was open
                bursar: hint: lock and unlock, and see what is missing: bursar lock; bursar unlock; \
                bursar audit --verify

                """)
        try installation.bursar("lock")
        let unlocked = try installation.bursar("unlock")
        #expect(
            unlocked.error == """
                bursar: warning: the audit trail ends before its last checkpoint: bursar audit --verify says more

                """)
        #expect(try installation.bursar("token", "get", "visible-name").status == 0)
        #expect(try installation.bursar("audit", "--verify").status == 65)
    }

    /// Killed at random under load: the vault opens, the trail verifies, and what was acknowledged is in both.
    @Test func aKilledBrokerLosesNothingItAcknowledged() throws {
        let rounds =
            ProcessInfo.processInfo.environment["BURSAR_ROUNDS"].flatMap { Int($0) } ?? 20
        let seed = UInt64.random(in: 0...UInt64.max)
        print("killed broker: seed \(seed), \(rounds) rounds")
        try begin()
        let load = try installation.shell(
            """
            exec 2>$F/err
            RANDOM=\(seed % 32768)
            payouts() { while [ ! -e $F/end ]; do bursar token get visible-name >> $F/paid.$1 || sleep 0.05; done; }
            changes() {
                i=0
                while [ ! -e $F/end ]; do
                    i=$((i + 1))
                    printf s | bursar vault add n$i --token-url $ENDPOINT/ok $TO --secret-stdin && echo n$i >> $F/added
                done
            }
            payouts 1 & payouts 2 & payouts 3 & changes &
            sleep 0.5
            killed=0
            while [ $killed -lt \(rounds) ]; do
                sleep $((RANDOM % 100 / 80)).$((RANDOM % 10))$((RANDOM % 10))
                pid=$(sed -n 's/^pid //p' $VAULT.lock)
                grep -qz "^$VAULT$" /proc/$pid/cmdline 2>/dev/null || continue
                kill -9 $pid 2>/dev/null && killed=$((killed + 1))
            done
            touch $F/end; wait
            cat $F/paid.* | grep -c .; grep -c . $F/added
            bursar audit --output json | grep -c '"event":"token"'
            bursar vault list | cut -d' ' -f1 | grep -cxFf $F/added
            bursar vault check >/dev/null; echo $?
            bursar audit --verify | grep -v ': the chain is whole'
            bursar audit --output json | grep -c '"event":"torn"'
            """, endpoint, seconds: Double(60 + rounds * 6))
        let numbers = load.output.split(separator: "\n").map { Int($0) ?? -1 }
        try #require(numbers.count == 6, "\(load.output)")
        print("killed broker: \(numbers)")
        #expect(numbers[0] > rounds && numbers[1] > 0)
        #expect(numbers[2] >= numbers[0], "paid out without a line")
        #expect(numbers[3] == numbers[1], "an acknowledged credential is gone")
        #expect(numbers[4] == 0)
    }
}
