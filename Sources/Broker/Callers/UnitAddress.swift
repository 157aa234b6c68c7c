internal import Host

/// What systemd says in the address of its own end when it gets a credential for a unit from a socket:
/// `\0RANDOM/unit/UNIT/ID`
/// ([systemd.exec(5), LoadCredential=](https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html)).
///
/// Any process of root can bind such an address: it proves nothing by itself.
package struct UnitAddress: Sendable, Equatable {
    /// The unit that is started.
    package let unit: String
    /// What the credential is called, in the unit and here.
    package let name: CredentialName

    /// Reads an address; nil if it is no such one, or names no service.
    package init?(_ bytes: [UInt8]) {
        guard bytes.first == 0, let text = String(validating: bytes.dropFirst(), as: UTF8.self)
        else { return nil }
        // Bytes, not characters: a slash with a combining mark after it is a slash.
        let parts = text.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).map { String(Substring($0)) }
        guard parts.count == 4, !parts[0].isEmpty, parts[1] == "unit",
            SystemdUnit.isService(parts[2]), let name = CredentialName(parts[3])
        else { return nil }
        unit = parts[2]
        self.name = name
    }

    /// Whether the caller is who the address says: root, in no container, and already in the unit's own control
    /// group.
    package func isTrue(of caller: Caller) -> Bool {
        caller.uid == 0 && !caller.isContained && caller.unit == unit
    }
}
