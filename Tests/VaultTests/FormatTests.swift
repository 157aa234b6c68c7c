import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

struct FormatTests {
    private struct Read: Decodable {
        struct Credential: Decodable {
            let metadata: String
            let secret: String
        }
        let generation: UInt64
        let credentials: [String: Credential]
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The written description is complete: a reader made from it alone finds the secrets.
    @Test func anIndependentReaderOpensAVault() throws {
        let fixture = try VaultFixture()
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try VaultFixture.add(vault, "gone", "x")
        try VaultFixture.add(vault, "b@c.d-e_f", "sécond\u{0}")
        try vault.remove(name: "gone")
        try vault.close()
        let read = try read(fixture, passphrase: "correct horse")
        #expect(read.credentials.keys.sorted() == ["a", "b@c.d-e_f"])
        #expect(read.credentials["a"]?.secret == hex(Array("first".utf8)))
        #expect(read.credentials["b@c.d-e_f"]?.secret == hex(Array("sécond\u{0}".utf8)))
        #expect(read.credentials["a"]?.metadata == hex(Array("metadata of a".utf8)))
        #expect(read.generation == 5)
    }

    private func read(_ fixture: VaultFixture, passphrase: String) throws -> Read {
        let script = try #require(Bundle.module.url(forResource: "read_vault", withExtension: "py"))
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [script.path, fixture.location.file, hex(VaultFixture.destination)]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(passphrase.utf8))
        try input.fileHandleForWriting.close()
        let data = try #require(try output.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSONDecoder().decode(Read.self, from: data)
    }

    /// Fixed keys and nonces give the rows of `Vectors/rows.txt`; a change of the format shows here first.
    @Test func fixedInputsGiveTheWrittenRows() throws {
        let fixture = try VaultFixture()
        let id = [UInt8](0..<16)
        let vault = try Vault.create(
            at: fixture.location, lock: try fixture.lock(),
            keyslot: try NewKeyslot.derive(
                passphrase: VaultFixture.passphrase("correct horse battery staple"),
                parameters: .interactive, salt: [UInt8](repeating: 0x5A, count: 16)),
            id: id, masterKey: Secret(copying: [UInt8](32..<64).span),
            nonce: [UInt8](repeating: 0x01, count: 24))
        let record = try vault.add(
            name: "dscc", metadata: Array("{\"client_id\":\"x\"}".utf8),
            destination: [UInt8](repeating: 0xD5, count: 32),
            secret: VaultFixture.secret("hunter2"), id: [UInt8](16..<32),
            nonces: (
                metadata: [UInt8](repeating: 0x02, count: 24),
                secret: [UInt8](repeating: 0x03, count: 24)
            ))
        #expect(record.revision == 1)
        let keyslot = vault.keyslots[0]
        var row: RecordRow?
        try vault.store.forEachRecord { row = $0 }
        let written = try #require(row)
        let lines = [
            "keyslot.tag: \(hex(keyslot.tag))", "keyslot.sealed_key: \(hex(keyslot.sealedKey))",
            "keyslot.checksum: \(hex(keyslot.checksum))",
            "record.name_index: \(hex(written.nameIndex))",
            "record.metadata: \(hex(written.metadata))", "record.secret: \(hex(written.secret))",
        ]
        let file = try #require(
            Bundle.module.url(forResource: "Vectors/rows", withExtension: "txt"))
        let expected = try String(contentsOf: file, encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        #expect(lines == expected)
    }
}
