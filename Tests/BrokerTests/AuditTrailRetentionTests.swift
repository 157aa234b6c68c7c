import Foundation
import TestSupport
import Testing

@testable import Broker
@testable import Vault

/// What stays in the trail when many lines come: what administrators did, whatever callers do.
struct AuditTrailRetentionTests {
    private static let id = [UInt8](repeating: 7, count: 16)

    private static func rare(_ kind: AuditEvent.Kind) -> AuditEvent {
        var event = AuditEvent(kind, by: TrailFixture.caller(0))
        event.record = id
        return event
    }

    private func kept(_ fixture: TrailFixture) throws -> [String] {
        try fixture.files.all.filter { FileManager.default.fileExists(atPath: $0) }.flatMap {
            try String(contentsOfFile: $0, encoding: .utf8).split(separator: "\n").map(String.init)
        }
    }

    private func originals(_ fixture: TrailFixture) throws -> [UInt64] {
        try kept(fixture).compactMap { TrailLine(Array($0.utf8)) }.compactMap(\.carriedFrom)
    }

    /// Whoever may get a token can't push out who allowed it.
    @Test func whatAdministratorsDidOutlivesAnyNumberOfPayouts() throws {
        let fixture = try TrailFixture(.smallFiles(count: 3, bytes: 20_000))
        fixture.open()
        let kinds: [AuditEvent.Kind] = [.create, .add, .allow, .lock, .unlock, .wrongPassphrase]
        for kind in kinds { try fixture.trail.append(Self.rare(kind)) }
        fixture.trail.refused(
            AuditEvent(.refused, by: TrailFixture.caller(), reason: "denied"))
        for number in 0..<600 { try fixture.pay("t\(number)") }
        let report = try fixture.verify()
        #expect(report.findings == [])
        #expect(report.firstNumber > 300)
        let lines = try kept(fixture)
        for kind in kinds {
            let found = lines.filter { $0.contains("\"event\":\"\(kind.rawValue)\"") }
            #expect(!found.isEmpty, "\(kind)")
            #expect(found.allSatisfy { $0.contains("\"record\":\"0707") })
        }
        // Each of them once, with its own time and number.
        #expect(try originals(fixture) == Array(1...7))
        #expect(lines.count { $0.contains("\"event\":\"refused\"") } == 0)
    }

    /// Also what was carried over before, and in the order in which it happened.
    @Test func whatWasCarriedOverIsCarriedOverAgain() throws {
        let fixture = try TrailFixture(.smallFiles(count: 3, bytes: 20_000))
        fixture.open()
        var numbers: [UInt64] = [1]
        for number in 0..<1000 {
            if number % 150 == 0 {
                try fixture.trail.append(Self.rare(.change))
                numbers.append(try #require(fixture.trail.point).length)
            }
            try fixture.pay("t\(number)")
        }
        let last = try originals(fixture)
        #expect(last.count > 4)
        #expect(last.sorted() == Array(numbers.prefix(last.count)))
        #expect(try fixture.found() == [])
    }

    /// A crash while lines are carried over, after each of them: nothing twice, nothing lost.
    @Test(arguments: 0...4)
    func aCrashWhileCarryingOverDoublesNothing(after count: Int) throws {
        let fixture = try TrailFixture(.smallFiles(count: 2, bytes: 20_000))
        fixture.open()
        for _ in 0..<3 { try fixture.trail.append(Self.rare(.allow)) }
        var old: (path: String, bytes: Data)?
        while try originals(fixture).isEmpty {
            // The broker removes it once its lines are carried over.
            if let number = fixture.files.fullNumbers.first {
                let path = fixture.files.full(from: number)
                old = (path, try Data(contentsOf: URL(fileURLWithPath: path)))
            }
            try fixture.pay("t")
        }
        let (path, bytes) = try #require(old)
        let lines = try fixture.lines
        #expect(try originals(fixture) == [1, 2, 3, 4])
        try fixture.write(Array(lines[...count]))
        let sealed = try #require(try fixture.last)
        _ = FileManager.default.createFile(
            atPath: path, contents: bytes, attributes: [.posixPermissions: 0o600])
        fixture.restart()
        #expect(fixture.open(sealed: sealed) == nil)
        #expect(try originals(fixture) == [1, 2, 3, 4])
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try fixture.found() == [])
    }

    /// What somebody put into an old file is not made genuine by that.
    @Test func aLineThatWasPutIntoAnOldFileIsNotCarriedOver() throws {
        let fixture = try TrailFixture(.smallFiles(count: 2, bytes: 20_000))
        fixture.open()
        for _ in 0..<3 { try fixture.trail.append(Self.rare(.allow)) }
        while fixture.files.fullNumbers.isEmpty { try fixture.pay("t") }
        let path = fixture.files.full(from: 1)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let changed = text.replacingOccurrences(
            of: "\"event\":\"allow\"", with: "\"event\":\"remove\"")
        #expect(changed != text)
        try changed.write(toFile: path, atomically: false, encoding: .utf8)
        while fixture.files.fullNumbers == [1] { try fixture.pay("t") }
        #expect(try originals(fixture) == [1])
    }

    /// Even if there are very many, the trail is bounded; the oldest of them go.
    @Test func whatIsCarriedOverIsBounded() throws {
        let fixture = try TrailFixture(.smallFiles(count: 2, bytes: 20_000))
        fixture.open()
        for _ in 0..<500 { try fixture.trail.append(Self.rare(.change)) }
        let carried = try originals(fixture)
        #expect(carried == carried.sorted())
        #expect((10...50).contains(carried.count), "\(carried)")
        let size = try Data(contentsOf: URL(fileURLWithPath: fixture.files.current)).count
        #expect(size <= 20_000)
        #expect(try fixture.found() == [])
    }

    /// A crash between a change's line and the change leaves a line that says what did not happen: the vault
    /// knows.
    @Test(arguments: [false, true])
    func aChangeThatACrashPreventedIsSaidToHaveFailed(wasMade: Bool) throws {
        let fixture = try TrailFixture()
        fixture.open()
        try fixture.pay("x")
        let before = try #require(fixture.trail.point)
        let point = try fixture.trail.announce(Self.rare(.remove))
        try fixture.pay("x")
        fixture.restart()
        #expect(fixture.open(sealed: wasMade ? point : before) == nil)
        let failed = try fixture.lines.filter { $0.contains("\"event\":\"failed\"") }
        #expect(failed.count == (wasMade ? 0 : 1))
        #expect(
            failed.allSatisfy {
                $0.contains("\"record\":\"0707") && $0.contains("\"reason\":\"unchanged\"")
            })
        // Said once.
        fixture.restart()
        fixture.open(sealed: wasMade ? point : before)
        #expect(
            try fixture.lines.count { $0.contains("\"event\":\"failed\"") } == (wasMade ? 0 : 1))
        #expect(try fixture.found() == [])
    }

    /// A crash just after another file was begun within the taking-in of a segment.
    @Test func aCrashAfterAFileWasBegunWhileTakingInDoublesNothing() throws {
        let fixture = try TrailFixture(.smallFiles(count: 9, bytes: 3000))
        fixture.trail.close(vaultID: fixture.id)
        for uid in 1...20 {
            fixture.trail.refused(
                AuditEvent(.refused, by: TrailFixture.caller(UInt32(uid)), reason: "locked"))
        }
        let segment = try Data(contentsOf: URL(fileURLWithPath: fixture.files.locked))
        fixture.open()
        let expected = try kept(fixture).count { $0.contains("\"event\":\"refused\"") }
        // As if all after the newest file's first line had not been written.
        try fixture.write(Array(try fixture.lines.prefix(1)))
        let rest = try kept(fixture).count { $0.contains("\"event\":\"refused\"") }
        #expect(rest < expected)
        _ = FileManager.default.createFile(
            atPath: fixture.files.locked, contents: segment, attributes: [.posixPermissions: 0o600])
        fixture.restart()
        #expect(fixture.open() == nil)
        #expect(try kept(fixture).count { $0.contains("\"event\":\"refused\"") } == expected)
        #expect(try fixture.found() == [])
    }
}
