internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault add NAME`.
struct VaultAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Seals a client secret.",
        discussion: """
            Examples:
              bursar vault add dscc --preset hpe-greenlake --client-id ID
              bursar vault add api --token-url https://sso.example.com/token \\
                --client-id ID --scope read --secret-file secret.txt
            """)

    @Argument(help: "What to call it.")
    var name: String
    @OptionGroup(title: "Credential") var credential: CredentialOptions
    @OptionGroup(title: "Secret") var secret: SecretOptions
    @Flag(help: "Put it in the place of the one of that name.")
    var replace = false
    @OptionGroup var options: GlobalOptions

    func run() throws {
        var request = BrokerRequest("PUT", try credentialPath(name))
        guard credential.clientId != nil else {
            throw Failure.usage("--client-id is missing", hints: ["see: bursar vault add --help"])
        }
        guard credential.tokenUrl != nil || credential.preset != nil else {
            throw Failure.usage(
                "the token endpoint is missing", hints: ["give --token-url URL, or --preset NAME"])
        }
        var document = CredentialDocument()
        try credential.apply(to: &document)
        if !replace { request.addHeader("If-None-Match", "*") }
        let session = try Session(options, for: .ownBroker)
        request.body = [.bytes(try encoded(document))]
        if document.auth == "none" {
            guard !secret.isGiven else {
                throw Failure.usage("a client that authenticates by none has no secret")
            }
        } else {
            request.body += [.bytes([0]), .secret(try secret.read(for: name))]
        }
        let made = try decoded(CredentialDocument.self, try session.send(request))
        // Only where it took another's place are there any.
        if let rules = made.allowed_callers, !rules.isEmpty {
            warn(
                "whoever was allowed the old one is allowed this one (\(rules.count) "
                    + "\(rules.count == 1 ? "rule" : "rules")): see bursar vault show \(name)")
        }
    }
}
