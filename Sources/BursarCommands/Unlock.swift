internal import ArgumentParser
internal import BrokerClient

/// The command `bursar unlock`.
struct Unlock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Unlocks the vault.",
        discussion: """
            Examples:
              bursar unlock
              bursar unlock --for 8h
            """)

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("Lock again after: 90s, 15m, 8h.", valueName: "duration"))
    var duration: DurationOption?
    @Flag(help: "Accept an older copy of the vault that was put back.")
    var acceptOlder = false
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        guard let source = PassphraseSource.first(options) else { throw PassphraseSource.missing }
        try session.unlock(
            try source.read(), for: duration?.text, acceptsOlder: acceptOlder)
    }
}

/// The command `bursar lock`.
struct Lock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Forgets the vault's key and all tokens.",
        discussion: """
            A locked broker pays out nothing until somebody unlocks it. Where none runs, nothing is \
            to be done.

            Example:
              bursar lock
            """)

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .withoutVault)
        _ = try session.sendWithoutStart(BrokerRequest("POST", "/v1/lock"))
    }
}
