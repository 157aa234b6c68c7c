/// All that decides who may do what at a broker.
package struct Access: Sendable {
    /// Who is an administrator, and whether rules count.
    package let policy: CallerPolicy
    /// Today's names of users and groups.
    package let accounts: Accounts
    /// What was paid out by rules with a limit.
    package let limits: PayoutLimits

    /// Nothing paid out yet.
    package init(policy: CallerPolicy, accounts: Accounts) {
        self.policy = policy
        self.accounts = accounts
        limits = PayoutLimits()
    }

    /// Asks for today's ids of the groups that stand for a role; they stay as they were if nobody answers.
    package func refreshGroups() async {
        guard case .machine(let groups) = policy else { return }
        guard groups.beginRefresh() else { return }
        _ = await accounts.ask { groups.refresh() }
    }

    /// Forgets today's names, so that a change of users and groups counts at once.
    package func reload() async {
        await accounts.forget()
        await refreshGroups()
    }
}
