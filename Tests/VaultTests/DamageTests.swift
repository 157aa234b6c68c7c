import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

/// Any byte flipped, or the file cut anywhere: the vault says that it is damaged, or everything is as if
/// nothing had happened.
@Suite(.serialized)
struct DamageTests {
    private let fixture: VaultFixture
    private let key: TamperingTests.SharedKey

    init() throws {
        // In memory: some ten thousand openings and syncs.
        fixture = try VaultFixture(in: "/dev/shm")
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try VaultFixture.add(vault, "b", "second")
        try vault.close()
        key = TamperingTests.SharedKey(try fixture.key())
    }

    fileprivate enum Outcome: Hashable { case refused, unharmed, wrong(String) }

    /// Opens, reads everything, writes, reads again.
    ///
    /// - Parameter checks: whether the file is then checked whole, which takes as long as all the rest.
    /// - Returns: what became of it.
    private func outcome(checks: Bool) -> Outcome {
        do throws(VaultError) {
            let vault = try fixture.unlocked(key.key)
            defer { try? vault.close() }
            guard try vault.records().map(\.name) == ["a", "b"] else { return .wrong("names") }
            guard try VaultFixture.secretText(vault, "a") == "first",
                try VaultFixture.secretText(vault, "b") == "second"
            else { return .wrong("secrets") }
            try VaultFixture.add(vault, "c", "third")
            try vault.update(name: "a", metadata: [1], destination: VaultFixture.destination)
            try vault.remove(name: "b")
            if checks { try vault.check { _ in VaultFixture.destination } }
            guard try VaultFixture.secretText(vault, "c") == "third",
                try vault.records().map(\.name) == ["a", "c"]
            else { return .wrong("after a write") }
            return .unharmed
        } catch {
            switch error {
            case .damaged, .newerFormat, .older: return .refused
            default: return .wrong("\(error)")
            }
        }
    }

    private func restore(_ files: [String: [UInt8]]) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            _ = unlink(fixture.location.file + suffix)
        }
        for (suffix, bytes) in files { fixture.write(bytes, to: fixture.location.file + suffix) }
    }

    /// Runs a case for each position, on a vault that is put back each time.
    private func tryAll(
        _ positions: some Sequence<Int>, _ files: [String: [UInt8]], _ suffix: String,
        _ hurt: (inout [UInt8], Int) -> Void
    ) throws -> [Outcome: Int] {
        let state = fixture.location.stateFolder
        let memory = try #require(try FileManager.default.contentsOfDirectory(atPath: state).first)
        let remembered = [UInt8](
            FileManager.default.contents(atPath: state + "/" + memory) ?? Data())
        var counts: [Outcome: Int] = [:]
        for position in positions {
            var hurtFiles = files
            hurt(&hurtFiles[suffix, default: []], position)
            restore(hurtFiles)
            fixture.write(remembered, to: state + "/" + memory)
            let outcome = outcome(checks: position % 16 == 0)
            if case .wrong(let words) = outcome {
                Issue.record("position \(position) of vault.db\(suffix): \(words)")
            }
            counts[outcome, default: 0] += 1
        }
        return counts
    }

    @Test func anyByteFlippedIsFoundOrHarmless() throws {
        let bytes = fixture.bytes
        let counts = try tryAll(bytes.indices, ["": bytes], "") { $0[$1] ^= 0xFF }
        print("bytes flipped: \(counts)")
        #expect(counts[.refused, default: 0] > 1000)
    }

    @Test func anyBitOfTheHeaderFlippedIsFoundOrHarmless() throws {
        let bytes = fixture.bytes
        _ = try tryAll(0..<800, ["": bytes], "") { $0[$1 / 8] ^= 1 << ($1 % 8) }
    }

    @Test func aFileCutAnywhereIsFoundOrHarmless() throws {
        let bytes = fixture.bytes
        let counts = try tryAll(stride(from: 0, to: bytes.count, by: 61), ["": bytes], "") {
            $0 = Array($0[..<$1])
        }
        #expect(counts[.unharmed] == nil)
    }

    /// The log of a broker that was killed: what it holds is in no other place.
    private func filesOfAKilledBroker() throws -> [String: [UInt8]] {
        let vault = try fixture.unlocked(key.key)
        try vault.remove(name: "b")
        try VaultFixture.add(vault, "b", "second")
        let contents = { (suffix: String) in
            [UInt8](
                FileManager.default.contents(atPath: fixture.location.file + suffix) ?? Data())
        }
        let files = ["": contents(""), "-wal": contents("-wal")]
        try vault.close()
        #expect(files["-wal"]?.isEmpty == false)
        return files
    }

    @Test func anyByteOfTheLogFlippedIsFoundOrHarmless() throws {
        let files = try filesOfAKilledBroker()
        let count = files["-wal"]?.count ?? 0
        let counts = try tryAll(0..<count, files, "-wal") { $0[$1] ^= 0xFF }
        print("bytes of the log flipped: \(counts)")
        #expect(counts[.refused, default: 0] > 1000)
    }

    @Test func aLogCutAnywhereIsFound() throws {
        let files = try filesOfAKilledBroker()
        let count = files["-wal"]?.count ?? 0
        let counts = try tryAll(stride(from: 0, to: count, by: 61), files, "-wal") {
            $0 = Array($0[..<$1])
        }
        #expect(counts[.unharmed] == nil)
    }
}
