internal import ArgumentParser
internal import BrokerClient
internal import Sodium

/// The command `bursar vault passwd`.
struct VaultPasswd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Changes the passphrase.",
        discussion: """
            The current passphrase is asked for, even where the vault is unlocked. The old one \
            still opens old copies of the file.

            Examples:
              bursar vault passwd
              bursar vault passwd --passphrase-file old --new-passphrase-file new
            """)

    @Option(
        help: ArgumentHelp("Read the new passphrase from a file.", valueName: "file"),
        completion: .file())
    var newPassphraseFile: String?
    @Option(help: ArgumentHelp("Read the new passphrase from a descriptor.", valueName: "n"))
    var newPassphraseFd: Int32?
    @OptionGroup var options: GlobalOptions

    func run() throws {
        if newPassphraseFd != nil && newPassphraseFile != nil {
            throw Failure.usage(
                "--new-passphrase-fd and --new-passphrase-file exclude each other")
        }
        let session = try Session(options, for: .ownBroker)
        guard let source = PassphraseSource.first(options) else { throw PassphraseSource.missing }
        let current = try source.read("Current passphrase: ")
        let new = try newSource(else: source).readNew()
        let count = UInt32(current.byteCount)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * UInt32($0))) }
        var request = BrokerRequest("POST", "/v1/passphrase")
        request.body = [.bytes(length), .secret(current), .secret(new)]
        let answer = try decoded(UnlockDocument.self, try session.send(request))
        for warning in answer.warnings ?? [] { warn(warning) }
        warn(
            "the old passphrase still opens old copies of the vault; if it has leaked, get new "
                + "secrets from the authorization servers")
    }

    private func newSource(else current: PassphraseSource) throws(Failure) -> PassphraseSource {
        if let newPassphraseFd { return .descriptor(newPassphraseFd) }
        if let newPassphraseFile { return .file(newPassphraseFile) }
        switch current {
        case .terminal, .program: return current
        case .descriptor, .file:
            guard let source = PassphraseSource.interactive else {
                throw .usage(
                    "there is nobody to ask for the new passphrase",
                    hints: ["name a file: --new-passphrase-file FILE"])
            }
            return source
        }
    }
}
