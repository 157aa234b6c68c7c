internal import Vault

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension VaultKeeper {
    /// Which of these names belong to a credential; none while locked.
    package func existing(_ names: Set<String>) -> Set<String> {
        guard !isLocked, let vault else { return [] }
        return names.filter { (try? vault.contains($0)) == true }
    }

    /// When each client secret ends, in seconds since 1970, of those for which the vault says so.
    ///
    /// Reads every credential once after an unlocking; nobody has to wait for that.
    package func secretExpiries() async throws(BrokerError) -> [String: Double] {
        if let expiries, !isLocked { return expiries }
        let changes = changes
        var found: [String: Double] = [:]
        try await readInTurns { _, records in
            for record in records { found[record.name] = Self.expiry(of: record) }
        }
        if changes == self.changes { expiries = found }
        return found
    }

    /// Takes what is known of when secrets end: a change that fails may be in the vault all the same.
    func takeExpiries() -> [String: Double]? {
        changes += 1
        return expiries.take()
    }

    /// Puts it back, as it is after a change that was made.
    func noteChange(
        _ name: CredentialName, _ expiresAt: String?, in expiries: consuming [String: Double]?
    ) {
        expiries?[name.description] = expiresAt.flatMap(secondsSince1970(date:))
        self.expiries = expiries
    }

    private static func expiry(of record: Record) -> Double? {
        let credential = try? Credential(parsing: record.metadata.span, isStored: true)
        return credential?.expiresAt.flatMap(secondsSince1970(date:))
    }
}

/// The beginning of a day in UTC, or an instant as RFC 3339 writes it; nil for anything else.
func secondsSince1970(date text: String) -> Double? {
    let day = try? Date.ISO8601FormatStyle().year().month().day().parse(text)
    let date = text.utf8.count == 10 ? day : try? Date.ISO8601FormatStyle().parse(text)
    return date?.timeIntervalSince1970
}
