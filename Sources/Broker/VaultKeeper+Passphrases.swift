internal import NIOPosix
package import Sodium
internal import Vault

extension VaultKeeper {
    /// Unlocks the vault with a passphrase, by whichever keyslot it opens.
    ///
    /// - Returns: what a person should be told all the same, in words.
    package func unlock(
        passphrase: SharedSecret, for duration: Duration?, acceptsOlder: Bool,
        by caller: Caller? = nil
    ) async throws(BrokerError) -> [String] {
        let warnings = try await withSlotKey(passphrase) { vault, key throws(BrokerError) in
            let warnings = try self.asBrokerError { () throws(VaultError) in
                let warnings = try vault.unlock(with: key, acceptOlder: acceptsOlder)
                return warnings.map(\.description) + (try self.openTrail(of: vault))
            }
            self.audit.note(
                AuditEvent(.unlock, by: caller, reason: acceptsOlder ? "accept_older" : nil))
            return warnings
        }
        lockAt = duration.map { clock.now() + $0 }
        return warnings
    }

    /// Changes the passphrase that the current one opens; the vault stays as locked as it was.
    ///
    /// - Returns: what a person should be told all the same, in words.
    @discardableResult
    package func changePassphrase(
        current: SharedSecret, new: SharedSecret, by caller: Caller? = nil
    ) async throws(BrokerError) -> [String] {
        let parameters = try opened().keyslots.first?.parameters ?? .moderate
        let made = try await newKeyslot(new, parameters)
        let handed = Handover(made)
        let warnings = try await withSlotKey(current) { vault, key throws(BrokerError) in
            let wasLocked = vault.isLocked
            let slot = key.slot
            var warnings: [String] = []
            try self.asBrokerError { () throws(VaultError) in
                guard wasLocked else { return try vault.verify(key) }
                warnings = try vault.unlock(with: key).map(\.description)
                warnings += try self.openTrail(of: vault)
            }
            defer {
                if wasLocked {
                    self.closeTrail(nil)
                    vault.relock()
                }
            }
            try self.announced(AuditEvent(.passphrase, by: caller)) { () throws(BrokerError) in
                try self.asBrokerError { () throws(VaultError) in
                    guard let made = handed.take() else { return }
                    try vault.changePassphrase(from: slot, to: made)
                }
            }
            return warnings
        }
        if vault?.isLocked == true { try? close() }
        return warnings
    }

    private func beginTry() async {
        guard isTrying else {
            isTrying = true
            return
        }
        await withCheckedContinuation { nextTries.append($0) }
    }

    private func endTry() {
        if nextTries.isEmpty { isTrying = false } else { nextTries.removeFirst().resume() }
    }

    /// Tries the passphrase on each keyslot, and hands the first key that fits to `body`.
    private func withSlotKey<R>(
        _ passphrase: SharedSecret,
        _ body: (Vault, borrowing DerivedSlotKey) throws(BrokerError) -> R
    ) async throws(BrokerError) -> R {
        await beginTry()
        defer { endTry() }
        if failures > 0 {
            let delay = Duration.milliseconds(100) * (1 << min(failures - 1, 6))
            try? await clock.sleep(clock.now() + delay)
        }
        let lockings = self.lockings
        if let vault, vault.isLocked, !vault.isInPlace { try? close() }
        for keyslot in try opened().keyslots {
            // Whoever asked has gone, or somebody has locked the vault meanwhile.
            guard !Task.isCancelled, lockings == self.lockings else { throw .locked }
            let key = try await derive { () throws(VaultError) in
                try passphrase.withSecret { secret throws(VaultError) in
                    try keyslot.derive(from: secret)
                }
            }
            guard let key = key.take() else { continue }
            guard !Task.isCancelled, lockings == self.lockings else { throw .locked }
            let vault = try opened()
            do throws(BrokerError) {
                let result = try body(vault, key)
                failures = 0
                return result
            } catch .vault(.wrongPassphrase) {
                continue
            } catch {
                // Somebody may put another file in its place, which is to be looked at anew.
                if vault.isLocked { try? close() }
                throw error
            }
        }
        failures += 1
        throw .vault(.wrongPassphrase)
    }

    func newKeyslot(
        _ passphrase: SharedSecret, _ parameters: PasswordHash.Parameters
    ) async throws(BrokerError) -> NewKeyslot {
        let keyslot = try await derive { () throws(VaultError) in
            try passphrase.withSecret { secret throws(VaultError) in
                try NewKeyslot.derive(passphrase: secret, parameters: parameters)
            }
        }
        guard let keyslot = keyslot.take() else { throw .internalFault("no keyslot was made") }
        return keyslot
    }

    /// Runs Argon2 on its own thread, one at a time.
    func derive<Value: ~Copyable & Sendable>(
        _ body: @escaping @Sendable () throws(VaultError) -> Value
    ) async throws(BrokerError) -> Handover<Value> {
        do {
            return try await threads.runIfActive { Handover(try body()) }
        } catch let error as VaultError {
            throw .vault(error)
        } catch {
            throw .internalFault("the thread for key derivation has ended")
        }
    }
}
