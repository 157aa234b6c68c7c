import Foundation
import TestSupport
import Testing

/// A real authorization server, Glewlwyd, with its own ways.
@Suite
struct RealServerTests {
    private static let server = Result { try Glewlwyd() }

    private let installation: Installation
    private let server: Glewlwyd.Line

    init() throws {
        installation = try Installation()
        server = try Self.server.get().line
        try installation.makeVault()
    }

    private func add(_ client: String, method: String, url: String? = nil, _ more: String...) throws
    {
        let added = try ChildProcess.run(
            Installation.programs + "/bursar",
            [
                "vault", "add", "real", "--token-url", url ?? server.token_url, "--client-id",
                client,
                "--ca-file", server.ca_file, "--auth", method, "--scope", "read", "--secret-file",
                try #require(server.clients[client]),
            ] + more, environment: installation.environment)
        try #require(added.status == 0, "\(added.error)")
    }

    private struct Claims: Decodable {
        let client_id: String
        let scope: String
        let exp: Double
    }

    private func claims(_ token: String) throws -> Claims {
        let parts = token.split(separator: ".")
        try #require(parts.count == 3)
        var text = parts[1].replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return try JSONDecoder().decode(Claims.self, from: try #require(Data(base64Encoded: text)))
    }

    @Test(arguments: ["client_secret_basic", "client_secret_basic_raw", "client_secret_post"])
    func givesATokenByEachMethod(method: String) throws {
        try add("dscc", method: method)
        let got = try installation.bursar("token", "get", "real")
        try #require(got.status == 0, "\(got.error)")
        let claims = try claims(got.output.trimmingCharacters(in: .newlines))
        #expect(claims.client_id == "dscc")
        #expect(claims.scope == "read")
        #expect(claims.exp - Date().timeIntervalSince1970 > 3000)
    }

    @Test func theObjectSaysWhenTheTokenEnds() throws {
        struct Object: Decodable {
            let version: Int
            let access_token: String
            let token_type: String
            let expires_at: String
            let scope: String
        }
        try add("dscc", method: "client_secret_basic")
        let got = try installation.bursar("token", "get", "real", "--output", "json")
        let object = try JSONDecoder().decode(Object.self, from: Data(got.output.utf8))
        #expect(object.version == 1)
        #expect(object.token_type == "Bearer")
        #expect(object.scope == "read")
        let end = try Date(object.expires_at, strategy: .iso8601)
        #expect(abs(end.timeIntervalSince1970 - (try claims(object.access_token)).exp) <= 3)
    }

    /// This server does not decode HTTP Basic, and answers 403 with an empty body; the hint names the cure.
    @Test func aSecretThatTheServerReadsOtherwiseHasAHint() throws {
        try add("special", method: "client_secret_basic")
        let refused = try installation.bursar("token", "get", "real")
        #expect(refused.status == 77)
        #expect(
            refused.error.contains(
                "bursar: hint: or the server reads it otherwise: --auth client_secret_post, "
                    + "client_secret_basic or client_secret_basic_raw\n"), "\(refused.error)")
        // Within the pause nobody asks the server again, and the hint says until when.
        let paused = try installation.bursar("token", "get", "real")
        #expect(paused.status == 77)
        #expect(paused.error.contains("is not asked again until 20"))
        for method in ["client_secret_basic_raw", "client_secret_post"] {
            try add("special", method: method, "--replace")
            let got = try installation.bursar("token", "get", "real")
            #expect(got.status == 0, "\(method): \(got.error)")
        }
    }

    @Test func aWrongSecretAndAnUnknownScopeAreToldApart() throws {
        try add("dscc", method: "client_secret_post")
        let scope = try installation.bursar("token", "get", "real", "--scope", "nothing")
        #expect(scope.status == 77)
        #expect(scope.error.contains("refused \"real\": "), "\(scope.error)")
        #expect(scope.error.contains("scope"))
        let changed = try installation.bursar(
            "vault", "set", "real", "--secret-stdin", input: "not the secret")
        #expect(changed.status == 0)
        let refused = try installation.bursar("token", "get", "real")
        #expect(refused.status == 77)
        #expect(refused.error.contains("the id or the secret is wrong or revoked"))
    }

    /// Tokens of two seconds are paid out for one, then asked for anew.
    @Test func aShortTokenIsRenewed() throws {
        try add("dscc", method: "client_secret_basic", url: server.short_token_url)
        let first = try installation.bursar("token", "get", "real").output
        #expect(!first.isEmpty)
        Thread.sleep(forTimeInterval: 2.1)
        let second = try installation.bursar("token", "get", "real").output
        #expect(!second.isEmpty)
        #expect(first != second)
    }
}
