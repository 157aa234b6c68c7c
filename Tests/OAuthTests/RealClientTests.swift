import Foundation
import Sodium
import Testing

@testable import OAuth

/// What the first users' scripts send today, recorded from the real programs.
struct RealClientTests {
    private struct Recorded: Decodable {
        struct Request: Decodable {
            let body: String
            let authorization: String?
        }
        let curl: Request
        let oauthlib: Request
    }

    @Test(arguments: [
        ("01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef0123456789abcdef"),
        ("client.with_all~of-them", "AZaz09-._~AZaz09-._~"),
    ])
    func bothFormsArriveByteForByte(id: String, secret: String) throws {
        let recorded = try record(id: id, secret: secret)
        let form = try sent(id: id, secret: secret, .clientSecretPost)
        #expect(form.body == recorded.curl.body)
        #expect(form.authorization == recorded.curl.authorization)
        for method in [ClientAuthenticationMethod.clientSecretBasic, .clientSecretBasicRaw] {
            let basic = try sent(id: id, secret: secret, method)
            #expect(basic.body == recorded.oauthlib.body)
            #expect(basic.authorization == recorded.oauthlib.authorization)
        }
    }

    private func sent(
        id: String, secret: String, _ method: ClientAuthenticationMethod
    ) throws -> (body: String, authorization: String?) {
        let encoded = try TokenRequest().encoded(
            clientID: id, clientSecret: Secret(copying: Array(secret.utf8).span), method: method)
        var authorization: String?
        encoded.withAuthorization { value in
            authorization = value.withBytes { String(decoding: $0.copied(), as: UTF8.self) }
        }
        return (
            encoded.body.withBytes { String(decoding: $0.copied(), as: UTF8.self) }, authorization
        )
    }

    private func record(id: String, secret: String) throws -> Recorded {
        let script = try #require(
            Bundle.module.url(forResource: "record_requests", withExtension: "py"))
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [script.path]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(
            contentsOf: JSONEncoder().encode(["client_id": id, "client_secret": secret]))
        try input.fileHandleForWriting.close()
        let data = try #require(try output.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSONDecoder().decode(Recorded.self, from: data)
    }
}
