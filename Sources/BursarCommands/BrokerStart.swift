internal import ArgumentParser
internal import BrokerClient

/// The command `bursar broker start`.
struct BrokerStart: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Starts the user's own broker, if it does not run.",
        discussion: """
            Commands that need a broker start it themselves; a locked one is unlocked apart.

            Example:
              bursar broker start && bursar unlock --for 8h
            """)

    @OptionGroup var options: GlobalOptions

    func run() throws {
        var session = try Session(options, for: .ownBroker)
        if options.system { throw Failure.usage("systemd starts the system's broker") }
        // The variable is about brokers that start by themselves; this one is asked for.
        if !options.noAutostart { session = session.starting() }
        let answer = try session.exchange(BrokerRequest("GET", "/v1/status"))
        guard answer.isSuccess else { throw Session.failure(answer) }
    }
}

/// The command `bursar broker stop`.
struct BrokerStop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ends the user's own broker; it forgets its keys.",
        discussion: """
            Returns when its process has ended and the vault is one file again. Where none runs, \
            nothing is to be done.

            Example:
              bursar broker stop && cp ~/.local/share/bursar/vault.db /backup
            """)

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .withoutVault)
        if options.system { throw Failure.usage("systemd stops the system's broker") }
        let answer: BrokerResponse?
        do {
            answer = try session.client.stop()
        } catch {
            throw Failure(error)
        }
        if let answer, !answer.isSuccess { throw Session.failure(answer) }
    }
}
