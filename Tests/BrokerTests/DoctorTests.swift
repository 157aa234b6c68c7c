import Host
import NIOPosix
import OAuth
import TestSupport
import Testing

@testable import Broker

/// What the doctor makes of what it sees, in the broker.
struct DoctorTests {
    private static let now = 1_800_000_000.0  // 2027-01-15T08:00:00Z

    private static let good = MemoryFindings(
        memory: ProcessMemory(
            lockLimit: 8 << 20, lockedByteCount: 4096, swappedByteCount: 0, isDumpable: false),
        isLockingRefused: false, isUnlocked: true, swapDevices: [], isSwapForbidden: false)

    private static func changed(_ change: (inout MemoryFindings) -> Void) -> MemoryFindings {
        var findings = good
        change(&findings)
        return findings
    }

    @Test func ofSwapThatItCanNotSeeItSaysNothing() {
        let findings = Self.changed { $0.swapDevices = nil }.findings
        #expect(findings.map(\.subject) == ["core dumps", "memory lock"])
    }

    @Test func aGoodProcessNeedsNobody() {
        #expect(Self.good.findings.map(\.level) == [.ok, .ok, .ok])
    }

    @Test(arguments: [
        (
            changed { $0.memory.isDumpable = true }, "core dumps", Finding.Level.problem,
            "a crash of the broker would write its memory to disk"
        ),
        (
            changed { $0.isLockingRefused = true }, "memory lock", .problem,
            "the kernel refuses to lock secrets in memory, so they may be swapped (limit: 8192 KiB)"
        ),
        (
            changed {
                $0.isLockingRefused = true
                $0.memory.lockLimit = nil
            }, "memory lock", .problem,
            "the kernel refuses to lock secrets in memory, so they may be swapped (limit: no limit)"
        ),
        (
            changed { $0.memory.lockedByteCount = 0 }, "memory lock", .problem,
            "the kernel refuses to lock secrets in memory, so they may be swapped (limit: 8192 KiB)"
        ),
        (
            changed {
                $0.memory.lockedByteCount = 0
                $0.isUnlocked = false
            }, "memory lock", .ok, "secrets are locked in memory (limit: 8192 KiB)"
        ),
        (
            changed { $0.swapDevices = ["/dev/sda2"] }, "swap", .note,
            "access tokens may get to \"/dev/sda2\""
        ),
        (
            changed {
                $0.swapDevices = ["/dev/sda2", "/swap"]
                $0.memory.swappedByteCount = 8192
            }, "swap", .note,
            "access tokens may get to \"/dev/sda2\", … (8 KiB of the broker are there)"
        ),
        (
            changed {
                $0.swapDevices = ["/dev/sda2"]
                $0.isSwapForbidden = true
            }, "swap", .ok, "the broker may not use any"
        ),
    ])
    func eachStateOfItsMemoryHasItsLine(
        facts: MemoryFindings, subject: String, level: Finding.Level, words: String
    ) throws {
        let finding = try #require(facts.findings.first { $0.subject == subject })
        #expect(finding.level == level)
        #expect(finding.words == words)
        #expect(level == .ok || finding.cure != nil)
    }

    @Test(arguments: [
        ("2027-01-29", true), ("2027-01-29T08:00:00Z", true), ("2027-01-29T08:00:01Z", false),
        ("2027-01-29T10:00:00+02:00", true), ("2027-01-30", false), ("2027-01-15", true),
        ("2020-02-29", true), ("2999-12-31", false),
    ])
    func aSecretIsNamedFourteenDaysBeforeItsEnd(date: String, isNamed: Bool) throws {
        let json = Array(
            "{\"client_id\":\"i\",\"token_url\":\"https://h/t\",\"expires_at\":\"\(date)\"}".utf8)
        let credential = try Credential(parsing: json.span)
        let findings = ExpiryFindings(
            credentials: [("dscc", credential)], now: Self.now
        ).findings
        #expect(findings.count == 1)
        #expect(findings.first?.level == (isNamed ? .problem : .ok))
        guard isNamed else { return }
        let isPast = try #require(secondsSince1970(date: date)) <= Self.now
        #expect(findings.first?.subject == "dscc")
        #expect(
            findings.first?.words
                == "the secret expires \(date)" + (isPast ? ", which is past" : ""))
    }

    private static let users: [UInt32: String] = [1001: "ann", 1002: "eve"]

    @Test(arguments: [
        (AllowedCaller.Subject.user(id: 1001, name: "ann"), nil, nil),
        (
            .user(id: 1002, name: "bob"),
            "the rule for user bob (uid 1002) allows nobody: its id belongs to \"eve\" today",
            "bursar --system vault disallow x --user 1002, and allow whom you mean"
        ),
        (
            .user(id: 1003, name: "cid"),
            "the rule for user cid (uid 1003) allows nobody: its id belongs to nobody today",
            "bursar --system vault disallow x --user 1003; should there be one? getent passwd 1003"
        ),
        (
            .group(id: 2001, name: "dev"),
            "the rule for group dev (gid 2001) allows nobody: its id belongs to \"ops\" today",
            "bursar --system vault disallow x --group 2001, and allow whom you mean"
        ),
        (.group(id: 2002, name: "web"), nil, nil), (.unit("app.service"), nil, nil),
    ])
    func aRuleWhoseUserOrGroupHasGoneIsNamed(
        subject: AllowedCaller.Subject, words: String?, cure: String?
    ) async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        defer { threads.shutdownGracefully { _ in } }
        let accounts = Accounts(
            lookUp: .init(
                userName: { Self.users[$0] }, groupName: { [2001: "ops", 2002: "web"][$0] }),
            clock: .system, threads: threads)
        let json = Array("{\"client_id\":\"i\",\"token_url\":\"https://h/t\"}".utf8)
        var credential = try Credential(parsing: json.span)
        credential.allowedCallers = [AllowedCaller(subject: subject)]
        let findings = await RuleFindings(
            credentials: [("x", credential)], accounts: accounts, isMachine: true, clock: .system
        ).findings()
        #expect(
            findings == [
                words.map { .problem("x", $0, cure: cure) }
                    ?? .ok("rules", "1, and each means who it was made for")
            ])
    }

    @Test func aNetworkFileSystemIsNoted() throws {
        let folder = try TemporaryFolder()
        let findings = PlaceFindings(
            vaultFile: folder.path + "/none", stateFolder: folder.path, isNetwork: { _ in true }
        ).findings
        #expect(findings.map(\.level) == [.note])
        #expect(
            findings.first?.words
                == "\"\(folder.path)\" is on a network file system: one machine at a time, and slower"
        )
    }
}
