internal import Sodium

/// What the broker does by itself, for no caller.
extension Desk {
    /// Unlocks the vault with the passphrase that the service manager handed over.
    ///
    /// - Returns: what a person should be told all the same, in words.
    func unlock(atStartWith passphrase: SharedSecret) async throws(BrokerError) -> [String] {
        try await keeper.unlock(passphrase: passphrase, for: nil, acceptsOlder: false)
    }

    /// Reads anew what is kept of the system outside: users and groups.
    func reload() async {
        await access.reload()
    }
}
