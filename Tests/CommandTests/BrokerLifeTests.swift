import Foundation
import TestSupport
import Testing

/// How a broker starts, ends, is killed, and comes back.
@Suite
struct BrokerLifeTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
        try installation.makeVault()
    }

    private func shell(_ command: String, seconds: Double = 60) throws -> Finished {
        try installation.shell(command, endpoint, seconds: seconds)
    }

    private func wait(_ seconds: Double = 10, until isSo: () -> Bool) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if isSo() { return true }
            usleep(20_000)
        }
        return isSo()
    }

    // One that has ended may wait for a slow first process to take note.
    private func isAlive(_ pid: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
            return false
        }
        return text.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// The broker must not keep the pipe of a command substitution open.
    @Test func aCommandSubstitutionEndsThoughItStartedTheBroker() throws {
        try installation.add("x", endpoint, "ok/substitution")
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "t=$(bursar token get x 2>&1); echo \"[$t]\"; ls -l /proc/$(bursar status --output json "
                + "| sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')/fd | grep -c 'pipe:'", seconds: 20)
        #expect(ended.output == "[token-1]\n0\n")
    }

    /// As one with nothing from its first caller: session, folder, streams, environment.
    @Test func theBrokerTakesNothingFromItsFirstCaller() throws {
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "cd /usr; export SECRET_THING=canary HTTPS_PROXY=http://proxy.example:1; exec 199</dev/zero; "
                + "bursar broker start; p=$(bursar status --output json | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); "
                + "readlink /proc/$p/cwd /proc/$p/fd/0 /proc/$p/fd/1 /proc/$p/fd/2 /proc/$p/fd/199; "
                + "tr '\\0' '\\n' < /proc/$p/environ | grep -c 'SECRET\\|PROXY'; "
                + "ps -o sid= -p $p | tr -d ' ' | grep -cx $p")
        #expect(ended.output == "/\n/dev/null\n/dev/null\n/dev/null\n0\n1\n")
    }

    @Test func manyClientsStartOneBroker() throws {
        try installation.add("x", endpoint, "slow-0.2/start")
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "for i in 1 2 3 4 5 6 7 8; do bursar token get x & done; wait; bursar token get x; "
                + "pgrep -fc \"bursard --vault $VAULT\"", seconds: 60)
        #expect(ended.error == "")
        #expect(ended.output == String(repeating: "token-1\n", count: 9) + "1\n")
    }

    @Test func ofTwoAddsOfOneNameOneWins() throws {
        let ended = try shell(
            "for i in 1 2 3 4 5 6; do (printf s$i | bursar vault add x --token-url $ENDPOINT/ok $TO "
                + "--secret-stdin 2>/dev/null; echo $?) & done; wait")
        #expect(
            ended.output.split(separator: "\n").sorted() == ["0", "73", "73", "73", "73", "73"])
        #expect(try installation.bursar("vault", "check").status == 0)
    }

    @Test func aSecondBrokerSaysWhoHoldsTheVault() throws {
        let pid = try installation.brokerPID()
        let ended = try shell("bursard --vault $VAULT --socket $F/run/second.sock", seconds: 20)
        #expect(ended.status == 75)
        #expect(ended.error.contains("another broker has the vault: process \(pid) on"))
        #expect(
            ended.error.contains("bursard: hint: use it: bursar --socket \(installation.socket)"))
        // And nobody else's socket was touched.
        #expect(try installation.brokerPID() == pid)
    }

    /// The lock is the vault's; a socket may be another vault's broker's, and stays with it.
    @Test func aBrokerLeavesALiveSocketAlone() throws {
        let pid = try installation.brokerPID()
        let ended = try shell("bursard --vault $F/other/vault.db --socket $SOCKET", seconds: 20)
        #expect(ended.status == 78)
        #expect(ended.error.contains("another process (\(pid)) listens there"), "\(ended.error)")
        #expect(try installation.brokerPID() == pid)
    }

    /// A variable about brokers that start by themselves says nothing of one that is asked for.
    @Test func aBrokerIsStartedOnRequestWhateverTheVariableSays() throws {
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "export BURSAR_AUTOSTART=0; bursar vault list 2>&1 | tail -1; bursar broker start && bursar status >/dev/null "
                + "&& echo runs; bursar broker stop; bursar broker start --no-autostart 2>/dev/null; echo $?"
        )
        #expect(ended.output == "bursar: hint: start one: bursar broker start\nruns\n69\n")
    }

    /// The same vault by another way of writing its path.
    @Test func aVaultHasOneNameHoweverItIsWritten() throws {
        let ended = try shell(
            "cd $F/home/.local; ln -s $F/home $F/link; for v in $VAULT share/bursar/vault.db "
                + "./share/../share/bursar/vault.db $F/link/.local/share/bursar/vault.db; do "
                + "bursar status --output json --socket $SOCKET --vault $v >/dev/null; echo $?; done; "
                + "bursar status --socket $SOCKET --vault share/bursar/other.db 2>/dev/null; echo $?"
        )
        #expect(ended.output == "0\n0\n0\n0\n78\n", "\(ended.error)")
    }

    /// A login shell and a cron job may see different runtime folders.
    @Test func aClientFindsTheBrokerThatHoldsTheLock() throws {
        try installation.add("x", endpoint, "ok/cron")
        let pid = try installation.brokerPID()
        let other = try TemporaryFolder()
        let ended = try installation.bursar(
            "token", "get", "x", environment: ["XDG_RUNTIME_DIR": other.path])
        #expect(ended.output == "token-1\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: other.path).isEmpty)
        #expect(try installation.brokerPID() == pid)
    }

    /// A logout removes the runtime folder, the socket with it.
    @Test func aBrokerBindsAnewWhereItsSocketHasGone() throws {
        let pid = try installation.brokerPID()
        try FileManager.default.removeItem(atPath: installation.path("run/bursar"))
        #expect(wait { (try? installation.brokerPID()) == pid })
    }

    /// However long a request takes, the broker is not idle meanwhile.
    @Test func aRequestUnderWayKeepsAnIdleBroker() throws {
        try installation.add("x", endpoint, "slow-4/idle")
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "bursard --vault $VAULT --socket $SOCKET --idle=1s & for _ in $(seq 100); do [ -S $SOCKET ] && break; "
                + "sleep 0.05; done; bursar token get x; wait $!", seconds: 40)
        #expect(ended.output == "token-1\n", "\(ended.error)")
    }

    @Test func anIdleBrokerEnds() throws {
        try installation.bursar("broker", "stop")
        let started = Date()
        let ended = try shell("bursard --vault $VAULT --socket $SOCKET --idle 2s", seconds: 30)
        #expect(ended.status == 0)
        #expect(Date().timeIntervalSince(started) >= 2)
        #expect(!FileManager.default.fileExists(atPath: installation.socket))
    }

    @Test func anUnlockingWithATimeEnds() throws {
        let pid = try installation.brokerPID()
        #expect(try installation.bursar("unlock", "--for", "2s").status == 0)
        #expect(
            try shell("bursar status | grep state").output.hasPrefix(
                "state        unlocked until 20"))
        #expect(
            wait {
                (try? shell("bursar status --output json").output.contains("\"locked\":true"))
                    == true
            })
        #expect(try installation.brokerPID() == pid)
    }

    /// An unlocking that still lasts keeps an idle broker.
    @Test func anUnlockedBrokerWaitsForTheTimeItWasGiven() throws {
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "bursard --vault $VAULT --socket $SOCKET --idle 1s & sleep 0.5; bursar unlock --for 5s; "
                + "s=$SECONDS; wait $!; echo $((SECONDS - s >= 4))", seconds: 30)
        #expect(ended.output == "1\n")
    }

    @Test func stoppingLetsARequestEnd() throws {
        try installation.add("x", endpoint, "slow-1/stop")
        let pid = try installation.brokerPID()
        let ended = try shell(
            "bursar token get x & sleep 0.4; bursar broker stop; echo stopped $?; wait", seconds: 30
        )
        #expect(ended.output == "token-1\nstopped 0\n")
        #expect(!isAlive(pid))
        let files = try FileManager.default.contentsOfDirectory(
            atPath: installation.path("home/.local/share/bursar"))
        #expect(Set(files).isSubset(of: ["vault.db", "vault.db.lock"]))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalEndsItInGoodOrder(signal: Int32) throws {
        let pid = try installation.brokerPID()
        kill(pid, signal)
        #expect(wait { !isAlive(pid) })
        #expect(!FileManager.default.fileExists(atPath: installation.socket))
        #expect(try installation.bursar("vault", "check").status == 0)
    }

    @Test func aStaleSocketIsNoObstacle() throws {
        try installation.add("x", endpoint, "ok/stale")
        let pid = try installation.brokerPID()
        kill(pid, SIGKILL)
        #expect(wait { !isAlive(pid) })
        #expect(FileManager.default.fileExists(atPath: installation.socket))
        #expect(try installation.bursar("status").status == 69)
        #expect(try installation.bursar("lock").status == 0)
        #expect(try installation.bursar("broker", "stop").status == 0)
        #expect(try installation.bursar("token", "get", "x").output == "token-1\n")
    }

    /// Whatever was acknowledged is there after a kill -9, and what was not is whole or not there.
    @Test func aKilledBrokerLosesNothingThatItAcknowledged() throws {
        var generator = SystemRandomNumberGenerator()
        var acknowledged: Set<String> = []
        for round in 0..<12 {
            _ = try installation.bursar("unlock")
            let pid = try installation.brokerPID()
            let delay = UInt32.random(in: 1000...60_000, using: &generator)
            print("round \(round): killed after \(delay) µs")
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(Int(delay))) {
                kill(pid, SIGKILL)
            }
            let ended = try shell(
                "for i in 1 2 3 4 5 6; do printf s3cret | bursar vault add n\(round)-$i --no-autostart "
                    + "--token-url $ENDPOINT/ok $TO --secret-stdin 2>/dev/null && echo n\(round)-$i; done"
            )
            acknowledged.formUnion(ended.output.split(separator: "\n").map(String.init))
            #expect(wait { !isAlive(pid) })
            let check = try installation.bursar("vault", "check")
            #expect(check.status == 0, "\(check.error)")
            let names = try shell("bursar vault list | awk 'NR > 1 { print $1 }'").output
            #expect(acknowledged.isSubset(of: names.split(separator: "\n").map(String.init)))
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting a small disk takes root"))
    func aFullDiskIsSaidAndNothingIsLost() throws {
        try installation.add("x", endpoint, "ok/full")
        try installation.bursar("broker", "stop")
        let ended = try shell(
            """
            mkdir -p $F/disk && mount -t tmpfs -o size=160k,mode=700 tmpfs $F/disk || exit 99
            cp -a $VAULT $F/disk/vault.db; i="--vault $F/disk/vault.db --socket $F/run/disk.sock"
            for n in $(seq 200); do
                head -c 4000 /dev/urandom | base64 -w0 | bursar vault add n$n $i --token-url \\
                    $ENDPOINT/ok $TO --secret-stdin 2>$F/error || { echo status $?; break; }
                echo n$n >> $F/added
            done
            sed 's/: [^:]*$/: …/' $F/error | head -1; tail -1 $F/error
            bursar vault list $i | awk 'NR > 1 && $1 != "x" { print $1 }' | sort > $F/listed
            sort $F/added | cmp - $F/listed && echo all there
            bursar token get x $i; bursar broker stop $i; bursar vault check $i | sed 's/.*: //; s/ .*//'
            bursar broker stop $i; umount $F/disk
            """, seconds: 120)
        #expect(
            ended.output == """
                status 74
                bursar: error: can't write the vault: …
                bursar: hint: is the disk full, or read-only? df -h
                all there
                token-1
                whole,

                """, "\(ended.error)")
    }

    @Test(arguments: [">&-", ">/dev/full"])
    func aTokenThatCannotBeWrittenIsAnError(where sink: String) throws {
        try installation.add("x", endpoint, "ok/sink")
        let ended = try shell("bursar token get x \(sink)")
        #expect(ended.status == 74)
        #expect(ended.error.hasPrefix("bursar: error: "))
        let list = try shell("bursar vault list \(sink)")
        #expect(list.status == 74)
    }

    @Test func withoutItsProgramThereIsAHint() throws {
        try installation.bursar("broker", "stop")
        let ended = try shell(
            "mkdir $F/bin; cp $(command -v bursar) $F/bin/; PATH=/bin $F/bin/bursar vault list")
        #expect(ended.status == 69)
        #expect(ended.error.contains("install both programs in one folder"))
    }
}
