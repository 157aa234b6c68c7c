internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault list`.
struct VaultList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the credentials, never their secrets.",
        discussion: """
            Examples:
              bursar vault list
              bursar vault list --output json | jq -r '.credentials[].name'
            """)

    @Option(help: "table or json.")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        let body = try session.send(BrokerRequest("GET", "/v1/credentials"))
        let list = try decoded(CredentialList.self, body)
        switch output {
        case .json: try printLine(String(decoding: body, as: UTF8.self))
        case .table: try printLine(Self.table(list.credentials).text(columns: Table.columns))
        }
        for line in ExpiryWarnings.lines(list.credentials) { warn(line) }
    }

    static func table(_ credentials: [CredentialDocument]) -> Table {
        var table = Table(titles: ["NAME", "CLIENT ID", "TOKEN ENDPOINT", "AUTH", "EXPIRES"])
        for credential in credentials {
            table.rows.append([
                credential.name ?? "", credential.client_id ?? "",
                host(credential.token_url ?? ""), credential.auth ?? "",
                credential.expires_at ?? "-",
            ])
        }
        return table
    }

    private static func host(_ url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 2)
        return parts.count > 1 ? String(parts[1].prefix { $0 != "/" }) : url
    }
}
