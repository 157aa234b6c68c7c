internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault init`.
struct VaultInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Makes a vault, and leaves it unlocked.",
        discussion: """
            Examples:
              bursar vault init
              bursar vault init --passphrase-file ~/.config/bursar-passphrase
            """)

    enum Level: String, ExpressibleByArgument, CaseIterable {
        case interactive, moderate, sensitive
    }

    @Option(help: "How hard guessing the passphrase is made: libsodium's three levels of Argon2id.")
    var kdf = Level.moderate
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .withoutVault)
        if let vault = session.client.place.vault, session.hasVault(vault) {
            throw Failure(
                73, "there is a vault at \"\(vault)\" already",
                hints: ["to change its passphrase: bursar vault passwd"])
        }
        guard let source = PassphraseSource.first(options) else {
            throw Failure(
                77, "there is nobody to ask for the new passphrase",
                hints: ["name a file: --passphrase-file FILE, or BURSAR_PASSPHRASE_FILE"])
        }
        var request = BrokerRequest("POST", "/v1/vault")
        request.addParameter("kdf", kdf.rawValue)
        request.body = [.secret(try source.readNew("Passphrase of the new vault: "))]
        _ = try session.send(request)
    }
}
