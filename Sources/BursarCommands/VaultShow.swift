internal import ArgumentParser
internal import BrokerClient

/// The command `bursar vault show NAME`.
struct VaultShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a credential, never its secret.",
        discussion: """
            Example:
              bursar vault show dscc --output json
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @Option(help: "table or json.")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        let body = try session.send(BrokerRequest("GET", try credentialPath(name)))
        let credential = try decoded(CredentialDocument.self, body)
        switch output {
        case .json: try printLine(String(decoding: body, as: UTF8.self))
        case .table: try printLine(Self.lines(credential))
        }
    }

    static func lines(_ credential: CredentialDocument) -> String {
        let certificates = credential.ca_certificates.map {
            "\($0.split(separator: "-----BEGIN CERTIFICATE-----").count) of its own"
        }
        let pairs: [(String, String?)] =
            [
                ("name", credential.name), ("client id", credential.client_id),
                ("token endpoint", credential.token_url), ("authentication", credential.auth),
                ("preset", credential.preset), ("settings", joined(credential.settings)),
                ("scopes", credential.scopes?.joined(separator: " ")),
                ("audience", credential.audience),
                ("resources", credential.resources?.joined(separator: " ")),
                ("parameters", joined(credential.params)),
                ("origins", credential.origins?.joined(separator: " ")),
                ("proxy", credential.proxy), ("CA certificates", certificates),
                ("basic username", credential.basic_username),
                ("http to this machine", credential.allow_http_loopback.map { $0 ? "yes" : "no" }),
                ("default lifetime", credential.default_expires_in.map { "\($0) s" }),
                ("expires", credential.expires_at), ("made", credential.created_at),
                ("changed", credential.updated_at),
            ] + (credential.allowed_callers ?? []).map { ("allowed", $0.line) }
        let known = pairs.compactMap { pair in pair.1.map { (pair.0, $0) } }
        let width = known.map(\.0.count).max() ?? 0
        return known.map { title, value in
            title + String(repeating: " ", count: width - title.count + 2) + printable(value)
        }.joined(separator: "\n")
    }

    private static func joined(_ pairs: [String: String]?) -> String? {
        pairs?.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }
}
