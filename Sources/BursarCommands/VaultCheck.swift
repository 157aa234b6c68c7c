internal import ArgumentParser
internal import BrokerClient
internal import Host

/// The command `bursar vault check [FILE]`.
struct VaultCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads every seal of the vault, or of another file.",
        discussion: """
            Another file, a backup for example, is only read; its passphrase is asked for.

            Examples:
              bursar vault check
              bursar vault check /backup/vault.db
            """)

    @Argument(help: "A vault file other than one's own.", completion: .file())
    var file: String?
    @OptionGroup var options: GlobalOptions

    func run() throws {
        var request = BrokerRequest("POST", "/v1/check")
        let session = try Session(options, for: file == nil ? .ownBroker : .withoutVault)
        if let file {
            guard PrivateFiles.exists(file) else {
                throw Failure(66, "there is no vault at \"\(file)\"")
            }
            guard let source = PassphraseSource.first(options) else {
                throw PassphraseSource.missing
            }
            request.addParameter("file", Environment.absolute(file))
            request.body = [.secret(try source.read("Passphrase of \(file): "))]
        }
        let check = try decoded(CheckDocument.self, try session.send(request))
        let noun = check.credentials == 1 ? "credential" : "credentials"
        try printLine("\(printable(check.vault)): whole, \(check.credentials) \(noun)")
    }
}
