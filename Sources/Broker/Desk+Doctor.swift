internal import Host
internal import NIOHTTP1
internal import OAuth
internal import Vault

extension Desk {
    /// `GET /v1/doctor`: what of this broker needs a person.
    ///
    /// Nothing that is wrong is an error here: each becomes a finding.
    func doctor(_ request: Request) async throws(BrokerError) -> Answer {
        let connects = try request.query.isOn("connect")
        let isLocked = await keeper.isLocked
        var findings = MemoryFindings.current(isUnlocked: !isLocked).findings
        findings +=
            PlaceFindings(
                vaultFile: vaultPath, stateFolder: keeper.location.stateFolder
            ).findings
        do throws(BrokerError) {
            let credentials = try await keeper.credentialsInTurns()
            findings += ExpiryFindings(credentials: credentials, now: clock.wallSeconds()).findings
            findings += await RuleFindings(
                credentials: credentials, accounts: access.accounts,
                isMachine: access.policy.needsRules, clock: clock
            ).findings()
            if connects {
                findings += await EndpointFindings(endpoint: requester.endpoint, clock: clock)
                    .findings(credentials)
            }
        } catch .locked {
            findings.append(lockedVault)
        } catch {
            findings.append(.problem("vault", Problem(error)))
        }
        if access.policy.needsRules { findings = findings.map(\.forMachine) }
        return .json(
            .ok, JSONValue.members([("findings", .array(findings.map(\.json)))]).encoded())
    }

    /// Whose secrets end soon, or have: `NAME: the secret expires …`, the first few.
    func expiryWarnings() async -> [String] {
        let now = clock.wallSeconds()
        guard let expiries = try? await keeper.secretExpiries() else { return [] }
        let names = expiries.filter { ExpiryFindings.isSoon($0.value, at: now) }.keys.sorted()
        var credentials: [(name: String, credential: Credential)] = []
        for name in names.prefix(20).compactMap({ CredentialName($0) }) {
            guard let known = try? await keeper.credential(named: name) else { continue }
            credentials.append((name.description, known.credential))
        }
        return ExpiryFindings(credentials: credentials, now: now).findings
            .filter { $0.level == .problem }.map { "\($0.subject): \($0.words)" }
    }

    // Who has a broker of their own is asked for the passphrase when there is need; a machine's waits.
    private var lockedVault: Finding {
        access.policy.needsRules
            ? .problem(
                "vault", "it is locked, so nobody gets a token", cure: "bursar --system unlock")
            : .note("vault", "it is locked, so no credential was looked at", cure: "bursar unlock")
    }
}
