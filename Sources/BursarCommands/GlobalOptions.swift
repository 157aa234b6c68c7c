internal import ArgumentParser
internal import BrokerClient

/// The options that every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The broker's socket.", valueName: "path"), completion: .file())
    var socket: String?
    @Flag(help: "Use the system's broker.")
    var system = false
    @Option(
        help: ArgumentHelp("The vault that the broker has to serve.", valueName: "file"),
        completion: .file())
    var vault: String?
    @Flag(help: "Do not start a broker.")
    var noAutostart = false
    @Option(help: ArgumentHelp("Read the passphrase from a descriptor.", valueName: "n"))
    var passphraseFd: Int32?
    @Option(
        help: ArgumentHelp("Read the passphrase from a file.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    private static let valued = ["--socket", "--vault", "--passphrase-fd", "--passphrase-file"]
    private static let flags = ["--system", "--no-autostart"]

    var choice: BrokerChoice {
        var choice = BrokerChoice()
        choice.socket = socket
        choice.isSystem = system
        choice.vault = vault
        choice.mayStart = !noAutostart
        return choice
    }

    func validate() throws {
        if system && socket != nil {
            throw ValidationError("--system and --socket exclude each other")
        }
    }

    /// Moves these options behind the command's own words: they may stand anywhere before `--`.
    static func movedToEnd(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        var kept: [String] = []
        var moved: [String] = []
        var rest = arguments[..<end]
        while let argument = rest.popFirst() {
            let isJoined = valued.contains { argument.hasPrefix($0 + "=") }
            if flags.contains(argument) || isJoined {
                moved.append(argument)
            } else if valued.contains(argument) {
                moved.append(argument)
                if let value = rest.popFirst() { moved.append(value) }
            } else {
                kept.append(argument)
            }
        }
        return kept + moved + arguments[end...]
    }
}

/// How a command shows its answer.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
}
