internal import Host
internal import Sodium

/// The passphrase that systemd hands to the service (`LoadCredentialEncrypted=bursar-passphrase`).
enum StartingPassphrase {
    /// Reads it into guarded memory; one line end is dropped.
    ///
    /// - Returns: nil if there is none.
    /// - Throws: `HostError` if it can't be read or others can read it, ``BrokerError/badRequest(_:)`` if it
    ///   is empty or too long.
    static func read() throws -> SharedSecret? {
        guard let path = ServiceManager.credentialFile("bursar-passphrase") else { return nil }
        // Where systemd gives access by an ACL, the mode's group bits are the ACL's mask.
        guard PrivateFiles.mode(path) & 0o007 == 0 else {
            throw HostError.unsafe(path: path, .openMode(PrivateFiles.mode(path)))
        }
        let limit = Route.passphraseLimit
        // Room for a line end, and for one byte too many.
        let all = try Secret(byteCount: limit + 3) { output throws(HostError) in
            try InputDescriptor(file: path).read(into: &output)
        }
        let count = all.byteCountWithoutLineEnd
        guard count > 0 else { throw BrokerError.badRequest("the passphrase is empty") }
        guard count <= limit else {
            throw BrokerError.badRequest("the passphrase has more than \(limit) bytes")
        }
        return SharedSecret(all.slice(0..<count))
    }
}
