internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault set NAME`.
struct VaultSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes a credential.",
        discussion: """
            What is not given stays; lists are replaced whole. Whoever changes where the secret \
            goes (token endpoint, client id, authentication method, CA, proxy) gives the secret \
            again.

            Examples:
              bursar vault set dscc --scope read
              bursar vault set dscc --secret-stdin < secret.txt
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @OptionGroup(title: "Credential") var credential: CredentialOptions
    @OptionGroup(title: "Secret") var secret: SecretOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let path = try credentialPath(name)
        let session = try Session(options, for: .ownBroker)
        var document = try decoded(
            CredentialDocument.self, try session.send(BrokerRequest("GET", path)))
        try credential.apply(to: &document)
        var request = BrokerRequest("PUT", path)
        request.body = [.bytes(try encoded(document))]
        if secret.isGiven {
            request.body += [.bytes([0]), .secret(try secret.read(for: name))]
        }
        _ = try session.send(request)
    }
}
