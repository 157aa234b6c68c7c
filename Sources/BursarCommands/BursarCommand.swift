internal import ArgumentParser
public import BrokerClient
internal import Host

/// The command line: every verb but the fast path of `token get`.
struct BursarCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bursar",
        abstract: "Keeps OAuth2 client secrets sealed, and gives out access tokens.",
        discussion: """
            A first token:
              bursar vault init
              bursar vault add dscc --preset hpe-greenlake --client-id ID
              bursar token get dscc

            Every command takes --socket, --system, --vault, --no-autostart, --passphrase-fd \
            and --passphrase-file. The whole manual: man bursar
            """,
        version: "bursar \(version)",
        subcommands: [
            TokenCommand.self, VaultCommand.self, Unlock.self, Lock.self, Status.self,
            Explain.self, BrokerCommand.self, Audit.self, Doctor.self, Completions.self,
        ])

    static let version = "0.1.0"
}

/// The command `bursar token …`.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Access tokens.", subcommands: [TokenGet.self])

    func run() throws { throw Failure.commandMissing(after: "token") }
}

/// The command `bursar vault …`.
struct VaultCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault", abstract: "The vault and its credentials.",
        subcommands: [
            VaultInit.self, VaultAdd.self, VaultSet.self, VaultList.self, VaultShow.self,
            VaultRemove.self, VaultAllow.self, VaultDisallow.self, VaultPasswd.self,
            VaultCheck.self,
        ])

    func run() throws { throw Failure.commandMissing(after: "vault") }
}

/// The command `bursar broker …`.
struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "The user's own broker.",
        subcommands: [BrokerStart.self, BrokerStop.self])

    func run() throws { throw Failure.commandMissing(after: "broker") }
}

/// Runs what the fast path does not.
public enum Commands: Sendable {
    /// Carries out a command line.
    ///
    /// - Parameters:
    ///   - arguments: what follows the program's name.
    ///   - answer: what the broker answered to the fast path already; it is not asked a second time.
    /// - Returns: the exit code.
    public static func run(_ arguments: [String], answer: BrokerResponse? = nil) -> Int32 {
        do {
            var command = try BursarCommand.parseAsRoot(GlobalOptions.movedToEnd(arguments))
            if let answer, var get = command as? TokenGet {
                get.answer = Given(answer)
                command = get
            }
            try command.run()
            return 0
        } catch let failure as Failure {
            return report(failure)
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            return report(error, arguments)
        }
    }

    /// Says that the broker did not answer the fast path in time.
    ///
    /// - Returns: the exit code.
    public static func reportNoAnswer() -> Int32 {
        report(Failure(ClientError.noAnswer))
    }

    private static func report(_ failure: Failure) -> Int32 {
        try? StandardStream.error.write(failure.lines)
        return failure.exitCode
    }

    /// Help and versions go to standard output; what the parser refuses becomes our own two lines.
    private static func report(_ error: any Error, _ arguments: [String]) -> Int32 {
        let text = BursarCommand.fullMessage(for: error)
        guard BursarCommand.exitCode(for: error) != .success else {
            do {
                try StandardStream.output.write(text + "\n")
                return 0
            } catch {
                return 74
            }
        }
        var words = BursarCommand.message(for: error)
        if let end = words.firstIndex(of: "\n") { words = String(words[..<end]) }
        words = words.prefix(1).lowercased() + words.dropFirst()
        if words.hasSuffix(".") { words.removeLast() }
        if secretOptions.contains(where: { words.contains("unknown option '\($0)'") }) {
            return report(.secretAsArgument)
        }
        let verb = verb(of: arguments).map { " " + $0 }.joined()
        let durations = words.hasSuffix("<duration>'") ? ["a duration is 90s, 15m, 8h or 2d"] : []
        return report(.usage(words, hints: durations + ["see: bursar\(verb) --help"]))
    }

    // What people try who come from other programs.
    private static let secretOptions = [
        "--secret", "--client-secret", "--password", "--passphrase",
    ]

    /// The words that name a command.
    private static func verb(of arguments: [String]) -> [String] {
        var verb: [String] = []
        var level = BursarCommand.configuration.subcommands
        for word in arguments {
            guard let next = level.first(where: { $0.configuration.commandName == word }) else {
                break
            }
            verb.append(word)
            level = next.configuration.subcommands
        }
        return verb
    }
}

extension Failure {
    /// A group of commands alone does nothing.
    static func commandMissing(after verb: String) -> Failure {
        .usage("a command is missing after \"\(verb)\"", hints: ["see: bursar \(verb) --help"])
    }

    /// By now it is in the process list, and perhaps in the shell's history.
    static let secretAsArgument = Failure.usage(
        "a secret is never an argument: others could read it in the process list",
        hints: [
            "read it from somewhere else: --secret-file, --secret-fd, --secret-stdin, or the terminal",
            "if it was a real one, get a new one: it may be in the shell's history",
        ])
}
