internal import ArgumentParser
internal import BrokerClient

/// The command `bursar explain NAME`.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says which rule decides for a caller, and which nearly did.",
        discussion: """
            For administrators. Without --as it is about whoever asks. --as takes uid=N, gid=N \
            (which may come several times; without it, the user's groups), unit=UNIT and \
            container=1, with commas between.

            Examples:
              bursar --system explain dscc --as uid=1001
              bursar --system explain dscc --as uid=998,unit=backup.service --scope write
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Which caller.", valueName: "uid=…,gid=…,unit=…"))
    var caller: String?
    @Option(help: ArgumentHelp("A scope that it asks for; repeatable.", valueName: "scope"))
    var scope: [String] = []
    @Option(help: ArgumentHelp("The audience that it asks for.", valueName: "audience"))
    var audience: String?
    @Option(help: ArgumentHelp("A resource that it asks for; repeatable.", valueName: "uri"))
    var resource: [String] = []
    @Option(help: "What for: token (the default), proxy, proof.")
    var use: VaultAllow.Use?
    @Option(help: "table or json.")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    private struct Explanation: Decodable {
        struct NearMiss: Decodable {
            var words: String
        }
        var caller: String
        var allowed: Bool
        var words: String
        var nearly: [NearMiss]?
    }

    private static let keys = ["uid", "gid", "unit", "container"]

    func run() throws {
        var request = BrokerRequest("GET", try credentialPath(name) + "/explain")
        for part in caller?.split(separator: ",") ?? [] {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, Self.keys.contains(pair[0]) else {
                throw Failure.usage("--as takes uid=N, gid=N, unit=UNIT and container=1")
            }
            request.addParameter(pair[0], pair[1])
        }
        if !scope.isEmpty { request.addParameter("scope", scope.joined(separator: " ")) }
        if let audience { request.addParameter("audience", audience) }
        for resource in resource { request.addParameter("resource", resource) }
        if let use { request.addParameter("use", use.rawValue) }
        let session = try Session(options, for: .ownBroker)
        let body = try session.send(request)
        guard output == .table else { return try printLine(String(decoding: body, as: UTF8.self)) }
        let explanation = try decoded(Explanation.self, body)
        let verdict = explanation.allowed ? "allowed" : "refused"
        try printLine(
            "\(verdict): \(printable(explanation.caller)): \(printable(explanation.words))")
        for miss in explanation.nearly ?? [] { try printLine("nearly: \(printable(miss.words))") }
    }
}
