internal import Vault

extension VaultKeeper {
    private static let credentialsAtOnce = 50

    /// All credentials, sorted by name; a change that is made meanwhile may be in it or not.
    ///
    /// As many as there may be, nobody has to wait for that: others' requests come between.
    func credentialsInTurns() async throws(BrokerError) -> [(
        name: String, credential: Credential
    )] {
        let lockings = lockings
        var found: [String: Credential] = [:]
        var last: [UInt8]?
        repeat {
            let page = try recordPage(after: last, limit: Self.credentialsAtOnce)
            for record in page.records {
                found[record.name] = try Self.credential(in: record)
            }
            last = page.last
            await Task.yield()
            guard lockings == self.lockings else { throw .locked }
        } while last != nil
        return found.sorted { $0.key < $1.key }.map { (name: $0.key, credential: $0.value) }
    }
}
