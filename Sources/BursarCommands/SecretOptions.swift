internal import ArgumentParser
internal import Host
internal import Sodium

/// Where a client secret comes from.
struct SecretOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Read the secret from a file.", valueName: "file"), completion: .file())
    var secretFile: String?
    @Option(help: ArgumentHelp("Read the secret from a descriptor.", valueName: "n"))
    var secretFd: Int32?
    @Flag(help: "Read the secret from standard input.")
    var secretStdin = false

    /// Most bytes of a secret.
    private static let limit = 65_536

    func validate() throws {
        let count = [secretFile != nil, secretFd != nil, secretStdin].filter(\.self).count
        if count > 1 { throw ValidationError("give one source of the secret, not \(count)") }
    }

    /// Whether one was named.
    var isGiven: Bool { secretFile != nil || secretFd != nil || secretStdin }

    /// Reads the secret from where it was named, or else asks for it without echo.
    func read(for name: String) throws(Failure) -> SharedSecret {
        let secret: SharedSecret
        if let secretFile {
            secret = try SecretInput.read("secret", limit: Self.limit) { () throws(HostError) in
                let file = try InputDescriptor(file: secretFile)
                if file.isReadableByOthers { warn("others can read \"\(secretFile)\"") }
                return file
            }
        } else if isGiven {
            let number = secretFd ?? 0
            secret = try SecretInput.read("secret", limit: Self.limit) { () throws(HostError) in
                try InputDescriptor(inherited: number)
            }
        } else {
            guard Terminal.isThere else {
                throw .usage(
                    "there is no terminal to ask for the secret at",
                    hints: ["add --secret-file FILE, --secret-fd N or --secret-stdin"])
            }
            secret = try SecretInput.ask("Client secret of \(name): ", "secret", limit: Self.limit)
        }
        guard secret.byteCount > 0 else { throw .usage("the secret is empty") }
        return secret
    }
}
