internal import ArgumentParser
internal import BrokerClient

/// The command `bursar doctor`.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Looks for what needs a person, and names the cure.",
        discussion: """
            One line for each thing: ok, note or problem. Ends with 1 if there is a problem. \
            Starts no broker and unlocks none: what only a running, unlocked one knows is left \
            out then.

            Examples:
              bursar doctor
              bursar doctor --connect
              sudo bursar doctor --system
            """)

    @Flag(help: "Try the TLS of each token endpoint, without sending anything.")
    var connect = false
    @Option(help: "table or json.")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let findings = DoctorVisit(options: options, connects: connect).findings()
        switch output {
        case .json:
            let bytes = try encoded(FindingList(findings: findings))
            try printLine(String(decoding: bytes, as: UTF8.self))
        case .table: try printLine(findings.map(\.line).joined(separator: "\n"))
        }
        if findings.contains(where: { $0.level == .problem }) { throw ExitCode(1) }
    }
}

/// One thing that was looked at, here or by the broker.
struct FindingDocument: Codable, Equatable {
    enum Level: String, Codable {
        case ok, note, problem
    }

    var level: Level
    var subject: String
    var words: String
    var cure: String?

    static func ok(_ subject: String, _ words: String) -> FindingDocument {
        FindingDocument(level: .ok, subject: subject, words: words)
    }

    static func note(
        _ subject: String, _ words: String, cure: String? = nil
    ) -> FindingDocument {
        FindingDocument(level: .note, subject: subject, words: words, cure: cure)
    }

    static func problem(_ subject: String, _ words: String, cure: String?) -> FindingDocument {
        FindingDocument(level: .problem, subject: subject, words: words, cure: cure)
    }

    /// What another command would end with.
    static func problem(_ subject: String, _ failure: Failure) -> FindingDocument {
        problem(subject, failure.words, cure: failure.hints.first)
    }

    var line: String {
        printable("\(level.rawValue): \(subject): \(words)" + (cure.map { "; cure: \($0)" } ?? ""))
    }
}

/// What `GET /v1/doctor` answers.
struct FindingList: Codable {
    var findings: [FindingDocument]
}
