import Glibc
import NIOPosix
import Synchronization
import Testing

@testable import Broker

/// Which rule allows which request: decided before anything is looked up or asked for.
final class PermissionTests {
    private static let alice: UInt32 = 1001
    private static let ops: UInt32 = 2001

    private let threads = NIOThreadPool(numberOfThreads: 1)
    private let time = ManualClock()
    private let accounts: Accounts

    init() {
        threads.start()
        accounts = Accounts(
            lookUp: .init(
                userName: { $0 == Self.alice ? "alice" : nil },
                groupName: { $0 == Self.ops ? "ops" : nil }),
            clock: time.clock, threads: threads)
    }

    deinit { try? threads.syncShutdownGracefully() }

    private static func caller(
        uid: UInt32 = alice, groups: [UInt32] = [], unit: String? = nil, isContained: Bool = false
    ) -> Caller {
        Caller(
            uid: uid, gid: 100, groups: groups, pid: 1, unit: unit, isContained: isContained,
            claimedCommand: nil)
    }

    private static func credential(_ members: String = "") throws -> Credential {
        let json = Array("{\"client_id\":\"id\",\"token_url\":\"https://h/t\"\(members)}".utf8)
        return try Credential(parsing: json.span)
    }

    private func decide(
        _ ask: TokenAsk, by caller: Caller, of credential: Credential
    ) async -> Permission {
        let allowance = Allowance(credential, in: CredentialRevision(id: [1], revision: 1))
        return await Permission.decide(
            ask, by: caller, of: allowance, allowance.rules, accounts)
    }

    private static func ask(
        scopes: [String] = [], audience: String? = nil, resources: [String] = [],
        use: AllowedCaller.Use = .token
    ) -> TokenAsk {
        var ask = TokenAsk()
        ask.scopes = scopes
        ask.audience = audience
        ask.resources = resources
        ask.use = use
        return ask
    }

    private static func rule(
        _ subject: AllowedCaller.Subject = .user(id: alice, name: "alice"),
        _ change: (inout AllowedCaller) -> Void = { _ in }
    ) -> AllowedCaller {
        var rule = AllowedCaller(subject: subject)
        change(&rule)
        return rule
    }

    /// One line of the table.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let rule: AllowedCaller
        let caller: Caller
        let ask: TokenAsk
        var stored = ""
        /// nil if it is allowed; empty if the rule is not for the caller at all.
        let refusal: [Permission.Reason]?

        init(
            _ name: String, _ rule: AllowedCaller = PermissionTests.rule(),
            by caller: Caller = PermissionTests.caller(), asks ask: TokenAsk = TokenAsk(),
            stored: String = "", is refusal: [Permission.Reason]?
        ) {
            testDescription = name
            self.rule = rule
            self.caller = caller
            self.ask = ask
            self.stored = stored
            self.refusal = refusal
        }
    }

    private static let stored =
        ",\"scopes\":[\"read\",\"list\"],\"audience\":\"a\",\"resources\":[\"r1\",\"r2\"]"
    private static let scoped = rule { $0.scopes = ["read", "write"] }

    static let cases: [Case] = [
        Case("the user itself", is: nil),
        Case("another user", by: caller(uid: 1002), is: []),
        Case(
            "a user whose id has another name today", rule(.user(id: alice, name: "bob")),
            is: [.renamed(today: "alice")]),
        Case(
            "a user who is gone", rule(.user(id: 1005, name: "eve")), by: caller(uid: 1005),
            is: [.renamed(today: nil)]),
        Case(
            "a member of the group", rule(.group(id: ops, name: "ops")),
            by: caller(groups: [7, ops]), is: nil),
        Case("no member", rule(.group(id: ops, name: "ops")), by: caller(groups: [7]), is: []),
        Case("the primary group", rule(.group(id: 100, name: "users")), is: [.renamed(today: nil)]),
        Case("the unit", rule(.unit("a.service")), by: caller(uid: 5, unit: "a.service"), is: nil),
        Case("another unit", rule(.unit("a.service")), by: caller(unit: "b.service"), is: []),
        Case("no unit", rule(.unit("a.service")), is: []),
        Case("a container", by: caller(isContained: true), is: [.container]),
        Case(
            "a container that the rule names", rule { $0.includesContainers = true },
            by: caller(isContained: true), is: nil),
        Case(
            "outside a container though the rule names one", rule { $0.includesContainers = true },
            is: nil),
        Case("another use", rule { $0.uses = [.proxy] }, is: [.use(.token)]),
        Case("one of several uses", rule { $0.uses = [.token, .proxy] }, is: nil),
        Case("the stored values, not named", stored: stored, is: nil),
        Case(
            "the stored values, named",
            asks: ask(scopes: ["list", "read"], audience: "a", resources: ["r2"]),
            stored: stored, is: nil),
        Case(
            "a scope beyond the stored ones", asks: ask(scopes: ["read", "write"]), stored: stored,
            is: [.scopes(["write"])]),
        Case(
            "scopes differ by case", asks: ask(scopes: ["Read"]), stored: stored,
            is: [.scopes(["Read"])]),
        Case("a scope where none is stored", asks: ask(scopes: ["read"]), is: [.scopes(["read"])]),
        Case("another audience", asks: ask(audience: "b"), stored: stored, is: [.audience("b")]),
        Case("an audience where none is stored", asks: ask(audience: "b"), is: [.audience("b")]),
        Case(
            "another resource", asks: ask(resources: ["r1", "r3"]), stored: stored,
            is: [.resources(["r3"])]),
        Case("a scope of the rule", scoped, asks: ask(scopes: ["write"]), is: nil),
        Case(
            "a scope beyond the rule", scoped, asks: ask(scopes: ["write", "admin"]),
            is: [.scopes(["admin"])]),
        Case(
            "a stored scope that the rule lacks", scoped, asks: ask(scopes: ["list"]),
            stored: stored, is: [.scopes(["list"])]),
        Case(
            "none named, and the stored ones go beyond the rule", scoped, stored: stored,
            is: [.scopes(["list"])]),
        Case(
            "none named and none stored, under a rule with scopes", scoped,
            is: [.nothingStored("scope")]),
        Case(
            "an audience of the rule", rule { $0.audiences = ["b", "c"] }, asks: ask(audience: "c"),
            stored: stored, is: nil),
        Case(
            "the stored audience under a rule with others", rule { $0.audiences = ["b"] },
            stored: stored,
            is: [.audience("a")]),
        Case(
            "no audience under a rule with some", rule { $0.audiences = ["b"] },
            is: [.nothingStored("audience")]),
        Case(
            "a resource of the rule", rule { $0.resources = ["r3"] }, asks: ask(resources: ["r3"]),
            stored: stored, is: nil),
        Case(
            "no resource under a rule with some", rule { $0.resources = ["r3"] },
            is: [.nothingStored("resource")]),
    ]

    @Test(arguments: cases)
    func oneRuleDecides(line: Case) async throws {
        var credential = try Self.credential(line.stored)
        credential.allowedCallers = [line.rule]
        let permission = await decide(
            line.ask, by: line.caller, of: credential)
        if let refusal = line.refusal {
            #expect(permission == .refused(refusal.map { .init(rule: line.rule, reason: $0) }))
        } else {
            #expect(permission == .allowed(line.rule))
        }
    }

    @Test func nobodyIsAllowedWithoutARule() async throws {
        let credential = try Self.credential()
        for uid in [0, Self.alice, 65534] {
            let permission = await decide(
                TokenAsk(), by: Self.caller(uid: uid), of: credential)
            #expect(permission == .refused([]))
        }
    }

    @Test func rulesDoNotAddUp() async throws {
        var credential = try Self.credential()
        let read = Self.rule { $0.scopes = ["read"] }
        let write = Self.rule(.group(id: Self.ops, name: "ops")) { $0.scopes = ["write"] }
        credential.allowedCallers = [read, write]
        let caller = Self.caller(groups: [Self.ops])
        let both = await decide(
            Self.ask(scopes: ["read", "write"]), by: caller, of: credential)
        #expect(
            both
                == .refused([
                    .init(rule: read, reason: .scopes(["write"])),
                    .init(rule: write, reason: .scopes(["read"])),
                ]))
        let one = await decide(
            Self.ask(scopes: ["write"]), by: caller, of: credential)
        #expect(one == .allowed(write))
    }

    /// A rule's scopes, what was asked, what was answered, and what of that is too much.
    static let answers: [([String]?, [String], String?, [String])] = [
        (nil, ["read"], "read", []), (nil, ["read"], "read admin", ["admin"]),
        (nil, [], "whatever the server likes", []),
        (["read", "write"], ["read"], "read write", []),
        (["read"], ["read"], "read write", ["write"]), (["read"], ["read"], nil, []),
    ]

    @Test(arguments: answers)
    func aWiderAnswerIsNotPaidOut(
        scopes: [String]?, asked: [String], answered: String?, excess: [String]
    ) {
        let rule = Self.rule { $0.scopes = scopes }
        #expect(rule.excess(ofAnswered: answered, asked: asked, stored: asked) == excess)
    }

    @Test func aNameIsBelievedForSomeSecondsOnly() async {
        let name = Mutex<String?>("alice")
        let accounts = Accounts(
            lookUp: .init(userName: { _ in name.withLock(\.self) }, groupName: { _ in nil }),
            clock: time.clock, threads: threads)
        #expect(await accounts.userName(1) == "alice")
        name.withLock { $0 = "bob" }
        #expect(await accounts.userName(1) == "alice")
        time.advance(by: Accounts.believed)
        #expect(await accounts.userName(1) == "bob")
    }

    /// They may fail for some minutes; who was known stays known for so long, and no longer.
    @Test func theLastNameIsBelievedForSomeMinutesWhileNobodyAnswers() async {
        let hangs = Mutex(false)
        let gate = DispatchGate()
        defer { gate.open() }
        let count = Mutex(0)
        let accounts = Accounts(
            lookUp: .init(
                userName: { _ in
                    count.withLock { $0 += 1 }
                    if hangs.withLock(\.self) { gate.wait() }
                    return "alice"
                }, groupName: { _ in nil }),
            clock: time.clock, threads: threads)
        #expect(await accounts.userName(1) == "alice")
        hangs.withLock { $0 = true }
        for (minutes, name) in [(1, "alice"), (4, nil)] as [(Int, String?)] {
            time.advance(by: .seconds(60 * minutes))
            let winding = Task { [time] in
                while !Task.isCancelled {
                    time.advance(by: .milliseconds(100))
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
            #expect(await accounts.userName(1) == name)
            winding.cancel()
            await winding.value
        }
        // However often somebody asks, one look-up runs.
        #expect(count.withLock(\.self) == 2)
    }

    @Test func theIndexKnowsWhomEachRuleIsFor() throws {
        var index = RuleIndex()
        func set(_ name: String, _ rules: [AllowedCaller]) throws {
            var credential = try Self.credential()
            credential.allowedCallers = rules
            index.set(name, Allowance(credential, in: .init(id: [1], revision: 1)))
        }
        let user = Self.rule()
        let group = Self.rule(.group(id: Self.ops, name: "ops"))
        let unit = Self.rule(.unit("a.service"))
        try set("b", [user])
        try set("a", [group, user])
        try set("c", [unit])
        try set("d", [])
        #expect(index["d"] == nil)
        #expect(index.names(for: Self.caller()) == ["a", "b"])
        #expect(
            index.names(for: Self.caller(uid: 5, groups: [Self.ops], unit: "a.service")) == [
                "a", "c",
            ])
        #expect(index.names(for: Self.caller(uid: 5)) == [])
        try set("a", [unit])
        index.set("b", nil)
        #expect(index.names(for: Self.caller(groups: [Self.ops])) == [])
        #expect(index.names(for: Self.caller(unit: "a.service")) == ["a", "c"])
    }

    /// Name services that hang keep nobody waiting, and allow nothing.
    @Test(.timeLimit(.minutes(1))) func aLookUpThatHangsHasNoName() async {
        let gate = DispatchGate()
        defer { gate.open() }
        let accounts = Accounts(
            lookUp: .init(
                userName: { _ in
                    gate.wait()
                    return "alice"
                }, groupName: { _ in nil }),
            clock: .system, threads: threads)
        #expect(await accounts.userName(1) == nil)
    }

    @Test func aLimitIsForEachUserAndEndsWithItsMinute() throws {
        let limits = PayoutLimits()
        let rule = Self.rule { $0.maxPerMinute = 2 }
        let start = time.clock.now()
        func count(_ uid: UInt32, _ seconds: Int) -> Bool {
            (try? limits.count(
                rule, of: [1], for: Self.caller(uid: uid), at: start + .seconds(seconds))) != nil
        }
        #expect(count(1, 0))
        #expect(count(1, 10))
        #expect(!count(1, 59))
        #expect(count(2, 59))
        #expect(count(1, 60))
        #expect(!count(1, 69))
        #expect(count(1, 70))
        #expect {
            try limits.count(
                rule, of: [1], for: Self.caller(uid: 1), at: start + .seconds(71))
        } throws: {
            $0 as? BrokerError
                == .tryLater(.callerLimit(perMinute: 2), after: .seconds(49))
        }
    }

    /// A uid, its groups, whether it is in a container, and what it is.
    static let standings: [(UInt32, [UInt32], Bool, CallerPolicy.Standing)] = [
        (0, [], false, .administrator), (0, [], true, .caller),
        (1001, [500], false, .administrator),
        (1001, [500], true, .caller), (1001, [600], false, .scraper), (1001, [600], true, .caller),
        (1001, [], false, .caller), (65534, [], false, .caller),
    ]

    @Test(arguments: standings)
    func aMachinesAdministratorsAreRootAndAGroupOutsideContainers(
        uid: UInt32, groups: [UInt32], isContained: Bool, expected: CallerPolicy.Standing
    ) {
        let policy = CallerPolicy.machine(MachineGroups(administrators: 500, scrapers: 600))
        let caller = Self.caller(uid: uid, groups: groups, isContained: isContained)
        #expect(policy.standing(of: caller) == expected)
        // Without the groups only root is left.
        let alone = CallerPolicy.machine(MachineGroups())
        #expect(
            alone.standing(of: caller) == (uid == 0 && !isContained ? .administrator : .caller))
    }

    @Test(arguments: [
        "user": "{\"kind\":\"user\",\"id\":7,\"name\":\"a\",\"uses\":[\"token\"]}",
        "group":
            "{\"kind\":\"group\",\"id\":7,\"name\":\"a\",\"scopes\":[\"s\"],\"uses\":[\"token\",\"proof\"]}",
        "unit":
            "{\"kind\":\"unit\",\"name\":\"a.service\",\"audiences\":[\"x\"],\"resources\":[\"y\"],\"uses\":[\"token\"],\"container\":true,\"max_per_minute\":9}",
    ])
    func aRuleIsKeptAsItIs(kind: String, rule: String) throws {
        let json =
            "{\"client_id\":\"id\",\"token_url\":\"https://h/t\",\"auth\":\"none\",\"allowed_callers\":[\(rule)]}"
        let credential = try Credential(parsing: Array(json.utf8).span, isStored: true)
        #expect(credential.allowedCallers.count == 1)
        #expect(String(decoding: credential.encoded(), as: UTF8.self) == json)
        // What a client puts is no way to change the rules.
        let put = try Credential(parsing: Array(json.utf8).span)
        #expect(put.allowedCallers.isEmpty)
    }
}

/// Holds threads until it is opened.
private final class DispatchGate: Sendable {
    private let isOpen = Mutex(false)

    func open() { isOpen.withLock { $0 = true } }

    func wait() {
        while !isOpen.withLock(\.self) { usleep(1000) }
    }
}
