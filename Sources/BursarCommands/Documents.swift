#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A broker's problem (RFC 9457).
struct ProblemDocument: Codable, Equatable {
    var type: String
    var detail: String
    var exit_code: Int
    var hints: [String]?
    var oauth_error: String?

    init?(parsing bytes: [UInt8]) {
        guard let problem = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
            return nil
        }
        self = problem
    }
}

/// One credential, as the broker shows and takes it.
struct CredentialDocument: Codable, Equatable {
    var name: String?
    var client_id: String?
    var token_url: String?
    var auth: String?
    var preset: String?
    var settings: [String: String]?
    var scopes: [String]?
    var audience: String?
    var resources: [String]?
    var params: [String: String]?
    var origins: [String]?
    var proxy: String?
    var basic_username: String?
    var ca_certificates: String?
    var allow_http_loopback: Bool?
    var default_expires_in: Int?
    var expires_at: String?
    var created_at: String?
    var updated_at: String?
    var rotation: String?
    // Never sent: rules are changed by commands of their own.
    var allowed_callers: [AllowedCallerDocument]?
}

/// One rule of a credential, as the broker shows it.
struct AllowedCallerDocument: Codable, Equatable {
    var kind: String
    var id: Int?
    var name: String
    var scopes: [String]?
    var audiences: [String]?
    var resources: [String]?
    var uses: [String]?
    var container: Bool?
    var max_per_minute: Int?

    /// The rule in one line.
    var line: String {
        var words = ["\(kind) \(name)"]
        if let id { words[0] += " (\(id))" }
        if let scopes { words.append("scopes " + scopes.joined(separator: " ")) }
        if let audiences { words.append("audiences " + audiences.joined(separator: " ")) }
        if let resources { words.append("resources " + resources.joined(separator: " ")) }
        if let uses, uses != ["token"] { words.append("for " + uses.joined(separator: " ")) }
        if container == true { words.append("also in containers") }
        if let max_per_minute { words.append("\(max_per_minute) a minute") }
        return words.joined(separator: ", ")
    }
}

/// What `GET /v1/credentials` answers.
struct CredentialList: Codable {
    var credentials: [CredentialDocument]
}

/// What `GET /v1/status` answers.
struct StatusDocument: Codable {
    var version: String
    var locked: Bool
    var pid: Int?
    var vault: String?
    var socket: String?
    var credentials: Int?
    var unlocked_until: String?
    var warnings: [String]?
}

/// What unlocking answers.
struct UnlockDocument: Codable {
    var warnings: [String]?
}

/// What a check answers.
struct CheckDocument: Codable {
    var vault: String
    var credentials: Int
}

/// Reads a document of the broker.
func decoded<Document: Decodable>(
    _ type: Document.Type, _ bytes: [UInt8]
) throws(Failure) -> Document {
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
        throw Failure(
            70, "the broker's answer can't be read",
            hints: ["is it of another version? bursar broker stop"])
    }
}

/// A document as JSON, its members sorted.
func encoded(_ document: some Encodable) throws(Failure) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return Array(try encoder.encode(document))
    } catch {
        throw Failure(70, "the request can't be written")
    }
}
