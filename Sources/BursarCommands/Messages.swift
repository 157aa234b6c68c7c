internal import BrokerClient
internal import Host

/// What a person sees when a command fails: what happened, at most two next steps, and the exit code.
///
/// Here alone is decided what each error of the client's side means; the broker's problems carry their own.
struct Failure: Error, Equatable {
    let exitCode: Int32
    let words: String
    var hints: [String] = []
    /// The broker's word for the problem (`locked`); nil for the client's own.
    var type: String?

    init(_ exitCode: Int32, _ words: String, hints: [String] = []) {
        self.exitCode = exitCode
        self.words = words
        self.hints = hints
    }

    /// A command line that can't be carried out.
    static func usage(_ words: String, hints: [String] = []) -> Failure {
        Failure(64, words, hints: hints)
    }

    /// The broker's own words.
    init(_ problem: ProblemDocument) {
        exitCode = Int32(clamping: problem.exit_code)
        words = problem.detail
        hints = problem.hints ?? []
        type = problem.type.split(separator: ":").last.map(String.init)
    }

    init(_ error: ClientError) {
        let words = error.description
        switch error {
        case .usage: self.init(64, words)
        case .noVault: self.init(66, words, hints: ["make one: bursar vault init"])
        case .noBroker(BrokerChoice.systemSocket, _):
            self.init(69, words, hints: ["is it started? systemctl status bursard.socket"])
        case .noBroker(_, canStart: true):
            self.init(69, words, hints: ["start one: bursar broker start"])
        case .noBroker:
            self.init(69, words, hints: ["to have one started, name its vault too: --vault FILE"])
        case .noSystemBroker:
            self.init(
                69, words, hints: ["is it installed and started? systemctl status bursard.socket"])
        case .vaultWithoutSocket:
            self.init(
                78, words, hints: ["add --socket PATH: both together make a broker of their own"])
        case .foreignBroker: self.init(77, words)
        case .host(let error): self.init(error)
        case .noProgram: self.init(69, words, hints: ["install both programs in one folder"])
        case .startFailed(let report):
            if let problem = ProblemDocument(parsing: report) {
                self.init(problem)
            } else {
                self.init(70, words, hints: ["run it by hand to see why: bursard"])
            }
        case .noAnswer, .brokerGone: self.init(75, words, hints: ["try again"])
        case .badAnswer:
            self.init(70, words, hints: ["is it of another version? bursar broker stop"])
        }
    }

    init(_ error: HostError) {
        switch error {
        case .unsafe(let path, .openMode):
            self.init(78, error.description, hints: ["chmod go-rwx \(path)"])
        case .unsafe: self.init(78, error.description)
        case .notOpen: self.init(64, error.description)
        case .timedOut: self.init(75, error.description, hints: ["try again"])
        case .system: self.init(74, error.description)
        }
    }

    init(_ error: Terminal.Unanswered) {
        switch error {
        case .noTerminal: self.init(77, "there is no terminal to ask at")
        case .endOfInput: self.init(77, "the input ended before an answer")
        case .tooLong:
            self.init(
                64, "a terminal's lines have at most 4094 bytes",
                hints: ["read it from a file or a descriptor instead: see --help"])
        case .host(let error): self.init(error)
        }
    }

    /// The lines of standard error.
    var lines: String {
        (["bursar: error: \(printable(words))"]
            + hints.prefix(2).map { "bursar: hint: \(printable($0))" })
            .map { $0 + "\n" }.joined()
    }
}

/// Says something that is no error.
func warn(_ words: String) {
    try? StandardStream.error.write("bursar: warning: \(printable(words))\n")
}

/// Prints the answer.
func printLine(_ text: String) throws(Failure) {
    do {
        try StandardStream.output.write(text + "\n")
    } catch {
        throw Failure(error)
    }
}

/// A text with every control character escaped, so that it can't speak to the terminal.
func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        let isControl =
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || scalar.properties.generalCategory == .format
        if isControl {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}
