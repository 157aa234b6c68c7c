public import Host

/// Why the vault does not do what it was asked for.
///
/// Each case says which exit code it is for a person.
public enum VaultError: Error, Equatable, Sendable {
    /// There is no vault at the path (66).
    case noVault(path: String)
    /// There is one already (73).
    case vaultExists(path: String)
    /// Another process has it (75).
    case held(by: LockHolder)
    /// The file, its folder or its state can't be trusted, or used at all (78, or 74).
    case host(HostError)
    /// The data is not what Bursar wrote (65).
    case damaged(Damage)
    /// The file is of a newer format (65).
    case newerFormat(Int)
    /// The file is older than what this machine saw last (65).
    case older(generation: UInt64, seen: UInt64, lacksLog: Bool)
    /// The keyslot asks for more, or less, than is allowed; in bytes (65).
    case costOutOfBounds(opslimit: UInt64, memlimit: UInt64)
    /// There is not enough memory to open a keyslot; in bytes (75).
    case outOfMemory(memlimit: UInt64)
    /// The passphrase opens no keyslot (77).
    case wrongPassphrase
    /// The vault is locked (77).
    case locked
    /// There is no such credential (66).
    case noSuchCredential(name: String)
    /// There is one of that name already (73).
    case credentialExists(name: String)
    /// The secret was sealed for another destination (64).
    case destinationChanged(name: String)
    /// Another file, or none, is where the open one was (65).
    case replaced(path: String)
    /// The change is made, but its old pages are still in the log, for another process reads it (74).
    case logInUse
    /// The disk is full, or read-only, or broken; SQLite's words (74).
    case io(String)

    /// What about the data is wrong.
    public enum Damage: Equatable, Sendable {
        /// The file is something else than a vault.
        case notAVault
        /// SQLite can't read the file; its words.
        case database(String)
        /// A field of the file's header is none that Bursar writes; its place, in bytes.
        case header(offset: Int)
        /// The tables are others than Bursar's.
        case schema
        /// A keyslot does not match its checksum, or its key opens nothing.
        case keyslot(UInt32)
        /// The manifest does not open, or does not match the rows.
        case manifest
        /// A record does not match what was there at unlock.
        case record
        /// A credential's metadata is not readable.
        case metadata
        /// A credential's secret does not open.
        case secret
        /// The remembered generation is not this vault's, or was changed.
        case rememberedGeneration(path: String)
    }
}

extension VaultError: CustomStringConvertible {
    /// What happened, in one line, without advice.
    public var description: String {
        switch self {
        case .noVault(let path): "there is no vault at \"\(path)\""
        case .vaultExists(let path): "there is a vault at \"\(path)\" already"
        case .held(let holder):
            "another broker has the vault: process \(holder.pid) on \"\(holder.host)\""
        case .host(let error): "can't use the vault: \(error)"
        case .damaged(let damage): "the vault is damaged: \(damage)"
        case .newerFormat(let version): "the vault is of a newer format (\(version))"
        case .older(let generation, let seen, _):
            "the vault is older than what was seen before (generation \(generation), seen \(seen))"
        case .costOutOfBounds(let opslimit, let memlimit):
            "the vault asks for \(opslimit) passes over \(memlimit >> 20) MiB to open; "
                + "allowed are 2 to 10 over 64 to 1024 MiB"
        case .outOfMemory(let memlimit): "there are no \(memlimit >> 20) MiB of memory to open it"
        case .wrongPassphrase: "can't open the vault: wrong passphrase"
        case .locked: "the vault is locked"
        case .noSuchCredential(let name): "there is no credential \"\(name)\""
        case .credentialExists(let name): "there is a credential \"\(name)\" already"
        case .destinationChanged(let name):
            "where the secret of \"\(name)\" goes would change, so it has to be given again"
        case .replaced(let path):
            "the vault \"\(path)\" was replaced or removed while it was open"
        case .logInUse:
            "the change is made, but what was there before stays in the vault's log: "
                + "another process reads the vault"
        case .io(let words): "can't write the vault: \(words)"
        }
    }
}

extension VaultError.Damage: CustomStringConvertible {
    /// What is wrong, in a few words.
    public var description: String {
        switch self {
        case .notAVault: "the file is no vault"
        case .database(let words): "SQLite says \"\(words)\""
        case .header(let offset): "its header is not Bursar's (byte \(offset))"
        case .schema: "its tables are not Bursar's"
        case .keyslot(let slot): "keyslot \(slot) does not match its checksum"
        case .manifest: "its manifest does not match its rows"
        case .record: "a record was changed"
        case .metadata: "a credential's metadata can't be read"
        case .secret: "a credential's secret does not open"
        case .rememberedGeneration(let path): "\"\(path)\" was changed"
        }
    }
}
