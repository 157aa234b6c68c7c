internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault allow NAME`.
struct VaultAllow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow",
        abstract: "Allows a user, a group or a systemd unit tokens of a credential.",
        discussion: """
            Nobody is allowed anything before. One rule must allow a whole request; the rule \
            for the same user, group or unit is replaced. Without --scope, --audience or \
            --resource it allows what the credential itself has of that kind.

            Examples:
              bursar --system vault allow dscc --user deploy
              bursar --system vault allow dscc --group storage --scope read
              bursar --system vault allow dscc --unit backup.service --max-per-minute 10
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @OptionGroup var subject: SubjectOptions
    @Option(help: ArgumentHelp("A scope that may be asked for; repeatable.", valueName: "scope"))
    var scope: [String] = []
    @Option(
        help: ArgumentHelp("An audience that may be asked for; repeatable.", valueName: "audience"))
    var audience: [String] = []
    @Option(help: ArgumentHelp("A resource that may be asked for; repeatable.", valueName: "uri"))
    var resource: [String] = []
    @Option(help: "What for: token (the default), proxy, proof; repeatable.")
    var use: [Use] = []
    @Flag(help: "Callers in containers are meant too.")
    var container = false
    @Option(help: ArgumentHelp("Most tokens a minute, for each user.", valueName: "n"))
    var maxPerMinute: Int?
    @OptionGroup var options: GlobalOptions

    /// What a rule may be for.
    enum Use: String, ExpressibleByArgument, CaseIterable {
        case token
        case proxy
        case proof
    }

    func validate() throws {
        if let maxPerMinute, !(1...10_000).contains(maxPerMinute) {
            throw ValidationError("--max-per-minute is 1 to 10000")
        }
    }

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        var request = BrokerRequest("POST", try credentialPath(name) + "/allow")
        var document = RuleDocument(subject)
        document.scopes =
            scope.isEmpty ? nil : scope.flatMap { $0.split(separator: " ").map(String.init) }
        document.audiences = audience.isEmpty ? nil : audience
        document.resources = resource.isEmpty ? nil : resource
        document.uses = use.isEmpty ? nil : use.map(\.rawValue)
        document.container = container ? true : nil
        document.max_per_minute = maxPerMinute
        request.body = [.bytes(try encoded(document))]
        let answer = try decoded(AllowDocument.self, try session.send(request))
        for warning in answer.warnings ?? [] { warn(warning) }
        if let unit = subject.unit { UnitAdvice.give(unit) }
    }
}

/// The command `bursar vault disallow NAME`.
struct VaultDisallow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disallow", abstract: "Takes a rule of a credential back.",
        discussion: """
            It holds from the next request on. A token already paid out is good until it expires.

            Example:
              bursar --system vault disallow dscc --user deploy
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @OptionGroup var subject: SubjectOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        var request = BrokerRequest("POST", try credentialPath(name) + "/disallow")
        request.body = [.bytes(try encoded(RuleDocument(subject)))]
        _ = try session.send(request)
    }
}

/// Whom a rule is for.
struct SubjectOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A user, by name or number.", valueName: "user"))
    var user: String?
    @Option(help: ArgumentHelp("A group, by name or number.", valueName: "group"))
    var group: String?
    @Option(help: ArgumentHelp("A service of the machine's systemd.", valueName: "unit"))
    var unit: String?

    func validate() throws {
        guard [user, group, unit].compactMap(\.self).count == 1 else {
            throw ValidationError("give one of --user, --group and --unit")
        }
    }
}

/// A rule as the broker takes it.
private struct RuleDocument: Encodable {
    var user: String?
    var group: String?
    var unit: String?
    var scopes: [String]?
    var audiences: [String]?
    var resources: [String]?
    var uses: [String]?
    var container: Bool?
    var max_per_minute: Int?

    init(_ subject: SubjectOptions) {
        user = subject.user
        group = subject.group
        unit = subject.unit
    }
}

/// What allowing answers.
private struct AllowDocument: Decodable {
    var warnings: [String]?
}
