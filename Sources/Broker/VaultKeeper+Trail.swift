internal import Sodium
internal import Vault

/// What joins vault and audit trail: its keys come and go with the master key, and each change of the vault
/// seals how far the trail was.
extension VaultKeeper {
    /// Goes on with the trail of a vault that was just unlocked.
    ///
    /// - Returns: what a person should be told, in words.
    func openTrail(of vault: Vault) throws(VaultError) -> [String] {
        let keys = TrailKeys(
            chain: try vault.trailKey(.chain), token: try vault.trailKey(.token))
        let warning = audit.open(keys, vaultID: vault.id, checkpoint: try vault.trail())
        return warning.map { [$0] } ?? []
    }

    /// Ends the trail, forgets the master key, and seals how long the trail is, as far as that can be done.
    ///
    /// The key goes before anything waits for the disk.
    func closeTrail(_ event: AuditEvent?) {
        guard let vault, !vault.isLocked else {
            if let event, event.kind == .stop { audit.note(event) }
            return
        }
        let last = audit.end(event)
        let seal = last.flatMap { vault.relock(sealing: $0.point) }
        vault.relock()
        guard let last, let seal, event?.reason != Self.damage, last.isSynced() else { return }
        try? vault.write(seal)
    }

    /// Why a vault is locked whose file must not be written any more.
    static let damage = "damage"

    /// Writes what is about to be done, and has the change seal the trail up to there.
    ///
    /// - Throws: ``BrokerError/trail(_:)``; nothing may be changed then.
    func announce(_ event: AuditEvent) throws(BrokerError) {
        let point = try audit.announce(event)
        let vault = try unlocked()
        try asBrokerError { () throws(VaultError) in try vault.noteTrail(point) }
    }

    /// Makes a change of the vault whose line in the trail is on disk before.
    ///
    /// - Parameters:
    ///   - event: what is about to be done.
    ///   - change: does it; when it throws, another line says so.
    /// - Returns: what the change returns.
    /// - Throws: ``BrokerError/trail(_:)`` where nothing was changed, or what the change throws.
    package func announced<R>(
        _ event: AuditEvent, _ change: () throws(BrokerError) -> R
    ) throws(BrokerError) -> R {
        var isAnnounced = false
        do throws(BrokerError) {
            try announce(event)
            isAnnounced = true
            let result = try change()
            noteSealed()
            return result
        } catch {
            // What is in the vault now is to be read anew.
            let mayBeMade = isAnnounced && error.mayHaveChangedTheVault
            if mayBeMade { rules = Rules() }
            var failed = AuditEvent(.failed, by: event.caller)
            failed.record = event.record
            failed.reason =
                mayBeMade ? "perhaps_changed" : "unchanged"
            audit.note(failed)
            throw error
        }
    }

    /// Seals how long the trail is now.
    package func checkpoint() {
        guard let vault, !vault.isLocked, let point = try? audit.sync() else { return }
        seal(point)
    }

    /// Seals a point of the trail that is on disk; what can't be sealed now is sealed later.
    func seal(_ point: TrailPoint) {
        // Not with a vault that was locked and unlocked meanwhile: its own points are further.
        guard let vault, !vault.isLocked, let sealed = try? vault.trail(),
            sealed.length < point.length, (try? vault.sealTrail(point)) != nil
        else { return }
        audit.noteSealed(point)
    }

    private func noteSealed() {
        guard let vault, let sealed = try? vault.trail() else { return }
        audit.noteSealed(sealed)
    }

    // Others come between: nobody waits longer for a token because somebody reads the trail.
    private static let namesAtOnce = 50

    /// What each record id stands for, of removed credentials too.
    ///
    /// Reads every credential once after an unlocking; a change only adds to what is known.
    func names() async throws(BrokerError) -> [[UInt8]: String] {
        _ = try unlocked()
        guard !knowsNames else { return names }
        let lockings = self.lockings
        try await readInTurns { keeper, records in
            for record in records { keeper.names[record.id] = record.name }
        }
        var last: [UInt8]?
        repeat {
            let vault = try unlocked()
            let page = try asBrokerError { () throws(VaultError) in
                try vault.removedNames(after: last, limit: Self.namesAtOnce)
            }
            names.merge(page.names) { known, _ in known }
            last = page.last
            await Task.yield()
            guard lockings == self.lockings else { throw .locked }
        } while last != nil
        knowsNames = true
        return names
    }

    /// The checkpoint that the vault has sealed.
    func sealedTrail() throws(BrokerError) -> TrailPoint {
        let vault = try unlocked()
        return try asBrokerError { () throws(VaultError) in try vault.trail() }
    }
}
