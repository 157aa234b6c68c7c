internal import Host

/// What the doctor says about rules: those whose user or group has gone, or has another name today.
struct RuleFindings: Sendable {
    let credentials: [(name: String, credential: Credential)]
    let accounts: Accounts
    /// Whether this is a machine's broker; in a user's own, rules count for nothing.
    let isMachine: Bool
    let clock: BrokerClock

    /// When no further user or group is looked up: each may take 2 s where a name service hangs.
    private static let patience = Duration.seconds(10)

    /// A line for each rule that no longer means who it was made for; else one for all.
    func findings() async -> [Finding] {
        var findings: [Finding] = []
        var count = 0
        let end = clock.now() + Self.patience
        for (name, credential) in credentials {
            for rule in credential.allowedCallers {
                count += 1
                guard clock.now() < end else {
                    return findings + [
                        .problem(
                            "rules", "the name services do not answer in time",
                            cure: "until they do, rules for users and groups allow nothing")
                    ]
                }
                if let finding = await finding(name, rule) { findings.append(finding) }
            }
        }
        guard findings.isEmpty, count > 0 else { return findings }
        return [.ok("rules", "\(count), and each means who it was made for")]
    }

    private func finding(_ name: String, _ rule: AllowedCaller) async -> Finding? {
        guard let reason = await rule.renaming(accounts) else { return nil }
        let option: String
        let database: String
        switch rule.subject {
        case .user(let id, _): (option, database) = ("--user \(id)", "passwd \(id)")
        case .group(let id, _): (option, database) = ("--group \(id)", "group \(id)")
        case .unit: return nil
        }
        let system = isMachine ? "--system " : ""
        let disallow = "bursar \(system)vault disallow \(name) \(option)"
        return .problem(
            name, "the rule for \(rule.subject) allows nobody: \(reason)",
            cure: reason == .renamed(today: nil)
                ? "\(disallow); should there be one? getent \(database)"
                : "\(disallow), and allow whom you mean")
    }
}
