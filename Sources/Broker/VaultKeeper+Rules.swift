internal import Vault

extension VaultKeeper {
    // Reading so many takes about as long as one token request, and others come between.
    private static let recordsAtOnce = 50

    /// What the rules of a credential are; nil if it has none, or does not exist.
    ///
    /// - Throws: ``BrokerError/locked``, or ``BrokerError/vault(_:)`` if the vault can't be read.
    package func allowance(named name: CredentialName) async throws(BrokerError) -> Allowance? {
        try await ruleIndex()[name.description]
    }

    /// The credentials that have a rule for a caller, with what their rules are, sorted by name.
    package func allowances(
        for caller: Caller
    ) async throws(BrokerError) -> [(name: String, allowance: Allowance)] {
        let index = try await ruleIndex()
        return index.names(for: caller).compactMap { name in
            index[name].map { (name, $0) }
        }
    }

    /// The id of a credential's record, from memory; nil if there is none of that name.
    package func recordID(named name: CredentialName) -> [UInt8]? {
        guard !isLocked else { return nil }
        return try? vault?.recordID(named: name.description)
    }

    /// The rules of all credentials: read once after an unlocking, in turns, so that tokens go on meanwhile, and
    /// changed with each change since.
    private func ruleIndex() async throws(BrokerError) -> RuleIndex {
        guard !isLocked else {
            // Says whether there is a vault at all.
            _ = try count()
            throw .locked
        }
        while !rules.isComplete {
            let lockings = self.lockings
            let page = try recordPage(after: rules.last, limit: Self.recordsAtOnce)
            for record in page.records {
                rules.index.set(record.name, try? Self.allowance(in: record))
            }
            rules.last = page.last
            rules.isComplete = page.last == nil
            await Task.yield()
            guard lockings == self.lockings else { throw .locked }
        }
        return rules.index
    }

    /// Some of the credentials' records, in no order that means anything.
    ///
    /// - Parameters:
    ///   - last: what the page before ended with; nil for the first.
    ///   - limit: how many at most.
    /// - Returns: the records, and where the next page begins; nil for the last one.
    /// - Throws: ``BrokerError``.
    func recordPage(
        after last: [UInt8]?, limit: Int
    ) throws(BrokerError) -> (records: [Record], last: [UInt8]?) {
        let vault = try unlocked()
        return try asBrokerError { () throws(VaultError) in
            try vault.records(after: last, limit: limit)
        }
    }

    /// Reads all credentials, page by page, so that nobody has to wait for it: others' requests come between.
    ///
    /// - Parameter body: takes each page, on the actor.
    /// - Throws: ``BrokerError/locked`` if the vault is locked meanwhile, or what `body` throws.
    func readInTurns(
        _ body: (isolated VaultKeeper, [Record]) throws(BrokerError) -> Void
    ) async throws(BrokerError) {
        let lockings = self.lockings
        var last: [UInt8]?
        repeat {
            let page = try recordPage(after: last, limit: Self.recordsAtOnce)
            try body(self, page.records)
            last = page.last
            await Task.yield()
            guard lockings == self.lockings else { throw .locked }
        } while last != nil
    }

    // One that can't be read allows nobody anything.
    private static func allowance(in record: Record) throws(BrokerError) -> Allowance {
        Allowance(
            try credential(in: record),
            in: CredentialRevision(id: record.id, revision: record.revision))
    }

    /// Notes a change of a credential in the index, as far as it was read.
    func noteRules(_ name: String, _ record: Record?) {
        guard let record else { return rules.index.set(name, nil) }
        rules.index.set(name, try? Self.allowance(in: record))
    }

    /// The rules as far as they were read since the last unlocking.
    struct Rules {
        var index = RuleIndex()
        /// What the last page ended with.
        var last: [UInt8]?
        var isComplete = false
    }
}
