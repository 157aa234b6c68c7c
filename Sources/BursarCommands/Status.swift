internal import ArgumentParser
internal import BrokerClient

/// The command `bursar status`.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says which broker runs, and whether it is locked.",
        discussion: """
            Starts no broker: without one it ends with 69.

            Examples:
              bursar status
              bursar status --output json | jq .locked
            """)

    @Option(help: "table or json.")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .anyBroker)
        let body = try session.sendWithoutStart(BrokerRequest("GET", "/v1/status"))
        guard let body else {
            let place = session.client.place
            throw Failure(ClientError.noBroker(socket: place.socket, canStart: place.vault != nil))
        }
        let status = try decoded(StatusDocument.self, body)
        switch output {
        case .json: try printLine(String(decoding: body, as: UTF8.self))
        case .table: try printLine(Self.lines(status))
        }
        for warning in status.warnings ?? [] { warn(warning) }
    }

    static func lines(_ status: StatusDocument) -> String {
        let state =
            status.locked
            ? "locked" : "unlocked" + (status.unlocked_until.map { " until \($0)" } ?? "")
        let pairs: [(String, String?)] = [
            ("broker", status.pid.map { "\(status.version), process \($0)" } ?? status.version),
            ("socket", status.socket), ("vault", status.vault), ("state", state),
            ("credentials", status.credentials.map(String.init)),
        ]
        return pairs.compactMap { title, value in
            value.map {
                title + String(repeating: " ", count: 13 - title.count) + printable($0)
            }
        }.joined(separator: "\n")
    }
}
