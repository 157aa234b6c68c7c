import Foundation
import TestSupport
import Testing

/// A vault with one byte changed, opened by the built programs: exit 65, or all is as if nothing had happened.
///
/// Every byte is tried in process (VaultTests); here a few dozen go the whole way.
@Suite
struct DamagedVaultTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint
    private let bytes: [UInt8]

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
        try installation.makeVault()
        try installation.add("x", endpoint, "ok/damage")
        try installation.bursar("broker", "stop")
        bytes = [UInt8](FileManager.default.contents(atPath: installation.vault) ?? Data())
    }

    /// Where a column of the file's one row begins.
    private func position(of column: String, in table: String) throws -> Int {
        let shown = try ChildProcess.run(
            "/usr/bin/sqlite3", [installation.vault, "SELECT hex(\(column)) FROM \(table)"],
            environment: [:])
        let hex = Array(shown.output.trimmingCharacters(in: .newlines).utf8)
        // The rest of a long value is on pages of its own.
        let value = stride(from: 0, to: min(hex.count, 32), by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
        try #require(value.count >= 16)
        return try #require(
            bytes.indices.dropLast(value.count).first {
                bytes[$0..<($0 + value.count)] == value[...]
            })
    }

    /// Runs the commands of a day; their exit codes.
    private func day() throws -> [Int32] {
        let list = try installation.bursar("vault", "list")
        let token = try installation.bursar("token", "get", "x")
        if token.status == 0 { #expect(token.output.hasPrefix("token-")) }
        let added = try ChildProcess.run(
            Installation.programs + "/bursar",
            [
                "vault", "add", "y", "--token-url", endpoint.url("ok"), "--client-id", "id",
                "--secret-stdin",
            ], environment: installation.environment, input: Data("s".utf8))
        let check = try installation.bursar("vault", "check")
        let all = [list, token, added, check]
        for ended in all where ended.status != 0 {
            #expect(ended.error.hasPrefix("bursar: error: the vault is "), "\(ended.error)")
            #expect(ended.error.contains("\nbursar: hint: "), "\(ended.error)")
        }
        try installation.bursar("broker", "stop")
        return all.map(\.status)
    }

    private func put(_ hurt: [UInt8]) throws {
        let folder = (installation.vault as NSString).deletingLastPathComponent
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
        _ = FileManager.default.createFile(
            atPath: installation.vault, contents: Data(hurt), attributes: [.posixPermissions: 0o600]
        )
    }

    @Test func aFlippedByteIsFoundOrHarmless() throws {
        let state = installation.path("home/.local/state/bursar")
        let memory = try #require(
            try FileManager.default.contentsOfDirectory(atPath: state).first { $0.utf8.count == 32 }
        )
        let remembered = FileManager.default.contents(atPath: state + "/" + memory)
        // What must be found, whatever a day does: sealed bytes, and those that say how to open them.
        var vital = [0, 18, 19, 60, 63, 68, 71]
        for (column, table) in [
            ("salt", "keyslot"), ("tag", "keyslot"), ("sealed_key", "keyslot"),
            ("checksum", "keyslot"), ("name_index", "record"), ("id", "record"),
            ("metadata", "record"), ("secret", "record"), ("id", "vault"), ("manifest", "vault"),
        ] {
            let start = try position(of: column, in: table)
            vital += [start, start + 15]
        }
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damaged vault: seed \(seed)")
        var state64 = seed
        let random = (0..<12).map { _ -> Int in
            state64 = state64 &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state64 >> 33) % bytes.count
        }
        for (index, position) in (vital + random).enumerated() {
            var hurt = bytes
            hurt[position] ^= 0xFF
            try put(hurt)
            _ = FileManager.default.createFile(
                atPath: state + "/" + memory, contents: remembered,
                attributes: [.posixPermissions: 0o600])
            let codes = try day()
            let isFound = codes == [65, 65, 65, 65]
            // Of the file's header, some bytes mean nothing until it is written, or checked.
            let isHarmless =
                Set(codes).isSubset(of: [0, 65]) && codes.drop { $0 == 0 }.allSatisfy { $0 == 65 }
            #expect(
                isFound || (isHarmless && (index >= vital.count || position < 100)),
                "byte \(position) of \(bytes.count): \(codes)")
        }
    }

    @Test func aFileThatWasCutIsFound() throws {
        for length in [0, 1, 100, 4096, bytes.count / 2, bytes.count - 1] {
            try put(Array(bytes[..<length]))
            let codes = try day()
            // Nothing may lie in the very last byte.
            let isHarmless = length == bytes.count - 1 && codes == [0, 0, 0, 0]
            #expect(codes == [65, 65, 65, 65] || isHarmless, "cut to \(length): \(codes)")
        }
    }
}
