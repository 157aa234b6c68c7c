import Foundation
import TestSupport
import Testing

@testable import OAuth

struct TokenResponseTests {
    private static var vectors: [Vector] {
        get throws {
            try Vector.all(
                in: try #require(Bundle.module.url(forResource: "Vectors", withExtension: nil)),
                known: [
                    "expect", "comment", "status", "content-type", "location", "token", "expires",
                    "scope",
                ])
        }
    }

    @Test(arguments: try vectors)
    func isReadAsExpected(vector: Vector) throws {
        let outcome = Self.outcome(of: vector)
        #expect(outcome == vector.headers["expect"])
    }

    @Test(arguments: try vectors.filter { $0.headers["expect"] == "token" })
    func theTokenIsTheServers(vector: Vector) throws {
        let response = try Self.parse(vector)
        #expect(response.accessToken == vector.headers["token"])
        #expect(response.tokenType == "Bearer")
        #expect(
            response.expiresIn
                == vector.headers["expires"].map { Duration.seconds(Int64($0) ?? -1) })
        #expect(response.scope == vector.headers["scope"])
    }

    private static func parse(_ vector: Vector) throws(OAuthError) -> TokenResponse {
        try TokenResponse(
            status: vector.headers["status"].map { Int($0) ?? 0 } ?? 200,
            contentType: vector.headers["content-type"] ?? "application/json",
            location: vector.headers["location"], parsing: vector.body.span)
    }

    private static func outcome(of vector: Vector) -> String {
        do {
            _ = try parse(vector)
            return "token"
        } catch {
            switch error {
            case .refused(let code, _, _): return "refused \(code.rawValue)"
            case .missing(let member): return "missing \(member)"
            case .malformed(let member): return "malformed \(member)"
            case .notJSON(_, let isHTML): return isHTML ? "notJSON html" : "notJSON"
            case .redirected(_, let host): return "redirected" + (host.map { " \($0)" } ?? "")
            case .refusedWithoutCode: return "refusedWithoutCode"
            case .serverFailed(_, let code):
                return "serverFailed" + (code.map { " \($0.rawValue)" } ?? "")
            case .unexpectedStatus: return "unexpectedStatus"
            case .unsupportedTokenType: return "unsupportedTokenType"
            default: return "\(error)"
            }
        }
    }

    @Test func theWordsOfARefusalAreKeptOnlyIfTheyArePlain() {
        func words(_ description: String) -> String? {
            let body = Array("{\"error\":\"x\",\"error_description\":\"\(description)\"}".utf8)
            do {
                _ = try TokenResponse(status: 400, contentType: nil, parsing: body.span)
            } catch {
                if case .refused(_, let words, _) = error { return words }
            }
            return "not refused"
        }
        #expect(words("unknown client") == "unknown client")
        #expect(words("a\\u001b[2J") == nil)
        #expect(words("a\\nb") == nil)
        #expect(words(String(repeating: "x", count: 500)) == String(repeating: "x", count: 200))
    }
}
