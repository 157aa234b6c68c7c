internal import ArgumentParser
internal import BrokerClient

/// The command `bursar completions SHELL`.
struct Completions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Prints what a shell needs to complete bursar's words.",
        discussion: """
            Names of credentials come from the broker, if it runs and is unlocked; it is \
            neither started nor unlocked for that.

            Examples:
              . <(bursar completions bash)                # in ~/.bashrc
              bursar completions zsh >~/.zfunc/_bursar    # a folder of fpath
              bursar completions fish >~/.config/fish/completions/bursar.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var kind: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell
    @OptionGroup var options: GlobalOptions

    func run() throws {
        try printLine(BursarCommand.completionScript(for: shell.kind))
    }
}

extension CompletionKind {
    /// The names of credentials that the broker tells this user.
    static let credentialNames = CompletionKind.custom { words, _, _ in
        names(choice(of: words))
    }

    private static func choice(of words: [String]) -> BrokerChoice {
        var choice = BrokerChoice()
        choice.isSystem = words.contains("--system")
        if let option = words.lastIndex(of: "--socket"), option + 1 < words.count {
            choice.socket = words[option + 1]
        }
        return choice
    }

    private static func names(_ choice: BrokerChoice) -> [String] {
        guard let place = try? choice.place(for: .anyBroker) else { return [] }
        var request = BrokerRequest("GET", "/v1/credentials")
        request.timeout = .seconds(2)
        guard let answer = try? BrokerClient(place).send(request, starts: false), answer.isSuccess,
            let list = try? decoded(CredentialList.self, answer.body)
        else { return [] }
        return list.credentials.compactMap(\.name)
    }
}
