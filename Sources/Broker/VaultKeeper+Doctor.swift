internal import Vault

extension VaultKeeper {
    /// All credentials, sorted by name; a change that is made meanwhile may be in it or not.
    ///
    /// As many as there may be, nobody has to wait for that: others' requests come between.
    func credentialsInTurns() async throws(BrokerError) -> [(
        name: String, credential: Credential
    )] {
        var found: [String: Credential] = [:]
        try await readInTurns { _, records throws(BrokerError) in
            for record in records { found[record.name] = try Self.credential(in: record) }
        }
        return found.sorted { $0.key < $1.key }.map { (name: $0.key, credential: $0.value) }
    }
}
