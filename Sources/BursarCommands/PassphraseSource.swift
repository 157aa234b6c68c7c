internal import Host
internal import Sodium

/// Where a passphrase comes from: the first of the interface's sources that is there.
enum PassphraseSource {
    case descriptor(Int32)
    case file(String)
    case program(String)
    case terminal

    /// Most bytes of a passphrase, as in Protocol.md.
    private static let limit = 64 * 1024

    /// The first source; nil if there is none.
    static func first(_ options: GlobalOptions) -> PassphraseSource? {
        if let number = options.passphraseFd { return .descriptor(number) }
        if let path = options.passphraseFile { return .file(path) }
        if let path = Environment.value("BURSAR_PASSPHRASE_FILE") { return .file(path) }
        if let folder = Environment.value("CREDENTIALS_DIRECTORY") {
            let path = folder + "/bursar-passphrase"
            if PrivateFiles.exists(path) { return .file(path) }
        }
        return interactive
    }

    /// The first source that asks a person; nil if there is nobody.
    static var interactive: PassphraseSource? {
        if let program = Environment.value("BURSAR_ASKPASS") { return .program(program) }
        if Terminal.isThere { return .terminal }
        let hasDisplay =
            Environment.value("DISPLAY") != nil || Environment.value("WAYLAND_DISPLAY") != nil
        if hasDisplay, let program = Environment.value("SSH_ASKPASS") { return .program(program) }
        return nil
    }

    /// What a command without any source says.
    static let missing = Failure(
        77, "the vault is locked, and there is nobody to ask for its passphrase",
        hints: ["name a file: --passphrase-file FILE, or BURSAR_PASSPHRASE_FILE"])

    /// Reads a passphrase that exists.
    func read(_ prompt: String = "Passphrase of the vault: ") throws(Failure) -> SharedSecret {
        let secret = try once(prompt)
        guard secret.byteCount > 0 else { throw .usage("the passphrase is empty") }
        return secret
    }

    /// Reads a passphrase that is to be: twice where a person is asked.
    func readNew(_ prompt: String = "New passphrase: ") throws(Failure) -> SharedSecret {
        let secret = try read(prompt)
        switch self {
        case .terminal, .program: break
        case .descriptor, .file: return secret
        }
        let again = try once("The same once more: ")
        let isSame = secret.withSecret { secret in again.withSecret { secret.isEqual(to: $0) } }
        guard isSame else { throw .usage("the two are not the same") }
        return secret
    }

    private func once(_ prompt: String) throws(Failure) -> SharedSecret {
        switch self {
        case .terminal: return try SecretInput.ask(prompt, "passphrase", limit: Self.limit)
        case .descriptor(let number):
            return try SecretInput.read("passphrase", limit: Self.limit) { () throws(HostError) in
                try InputDescriptor(inherited: number)
            }
        case .program(let program):
            return try SecretInput.ask(program: program, prompt, limit: Self.limit)
        case .file(let path):
            return try SecretInput.read("passphrase", limit: Self.limit) { () throws(HostError) in
                let file = try InputDescriptor(file: path)
                guard !file.isReadableByOthers else {
                    throw .unsafe(path: path, .openMode(PrivateFiles.mode(path)))
                }
                return file
            }
        }
    }
}
