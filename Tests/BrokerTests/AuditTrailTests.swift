import Foundation
import Sodium
import TestSupport
import Testing

@testable import Broker
@testable import OAuth
@testable import Vault

/// A trail in a folder of its own, with fixed keys, and what somebody could do to its file.
final class TrailFixture {
    let folder: TemporaryFolder
    let time = ManualClock()
    let id = [UInt8](0..<16)
    private(set) var trail: AuditTrail
    var limits = TrailLimits()

    init(in base: String = "/tmp", _ limits: TrailLimits = TrailLimits()) throws {
        folder = try TemporaryFolder(in: base)
        self.limits = limits
        trail = AuditTrail(folder: folder.path + "/s", limits: limits, clock: time.clock)
    }

    static func keys(_ byte: UInt8 = 1) -> TrailKeys {
        TrailKeys(
            chain: Secret(copying: [UInt8](repeating: byte, count: 32).span),
            token: Secret(copying: [UInt8](repeating: byte &+ 1, count: 32).span))
    }

    var files: TrailFiles { TrailFiles(folder: folder.path + "/s", vaultID: id) }

    /// Unlocks; a broker that is killed and started anew does the same.
    @discardableResult
    func open(sealed: TrailPoint = .start) -> String? {
        trail.open(Self.keys(), vaultID: id, checkpoint: sealed)
    }

    func restart() {
        trail = AuditTrail(folder: folder.path + "/s", limits: limits, clock: time.clock)
        trail.close(vaultID: id)
    }

    static func caller(_ uid: UInt32 = 1000) -> Caller {
        Caller(
            uid: uid, gid: uid, groups: [], pid: 42, unit: nil, isContained: false,
            claimedCommand: "bash")
    }

    func pay(_ text: String, scopes: Set<String> = ["read"]) throws {
        try trail.paid(
            Token(
                accessToken: text, tokenType: "Bearer", scope: nil, requestedAt: time.now,
                lifetime: .seconds(60)),
            for: TokenKey(
                credential: .init(id: [UInt8](16..<32), revision: 1), scopes: scopes,
                audience: nil, resources: []),
            to: Self.caller(), by: "owner")
    }

    var lines: [String] {
        get throws {
            try String(contentsOfFile: files.current, encoding: .utf8)
                .split(separator: "\n").map(String.init)
        }
    }

    func write(_ lines: [String]) throws {
        let text = lines.map { $0 + "\n" }.joined()
        // In place, as an editor that knows what it does.
        let handle = try #require(FileHandle(forWritingAtPath: files.current))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func verify(_ sealed: TrailPoint? = nil) throws -> TrailReport {
        try TrailVerifier(
            files: files, keys: Self.keys(), checkpoint: sealed ?? trail.point ?? .start
        ).verify()
    }

    func found(_ sealed: TrailPoint? = nil) throws -> [String] {
        try verify(sealed).findings.map { "\($0.kind.rawValue) \($0.line)" }
    }
}

struct AuditTrailTests {
    private static let count = 8

    /// A trail of eight lines: `begun`, and seven tokens.
    private static func small() throws -> (fixture: TrailFixture, lines: [String]) {
        let fixture = try TrailFixture()
        fixture.open()
        for number in 2...count { try fixture.pay("token-\(number)") }
        let lines = try fixture.lines
        #expect(lines.count == count)
        #expect(try fixture.found() == [])
        return (fixture, lines)
    }

    @Test func aLineSaysWhatHappenedAndNoMore() throws {
        let fixture = try TrailFixture()
        fixture.open()
        try fixture.pay("very-secret-token")
        let line = try #require(try fixture.lines.last)
        let hash = LineBuilder.hex(
            TrailFixture.keys().hash(token: Array("very-secret-token".utf8).span))
        #expect(
            line.hasPrefix(
                #"{"seq":2,"time":"2027-01-15T08:00:00.000Z","event":"token","uid":1000,"gid":1000,"pid":42,"#
                    + #""claimed_command":"bash","record":"101112131415161718191a1b1c1d1e1f","revision":1,"#
                    + #""scopes":["read"],"rule":"owner","token":"\#(hash)","#
                    + #""expires_at":"2027-01-15T08:01:00.000Z","hash":""#), "\(line)")
        #expect(!line.contains("secret"))
    }

    /// What a caller calls itself, or asks for, can't end a line, and can't fill the disk.
    @Test(arguments: [
        "line", "terminal", "direction", "long", "longer", "empty", "backslash",
    ])
    func everyTextOfACallerIsEscapedAndBounded(kind: String) throws {
        let text =
            switch kind {
            case "line": "\"}\n{\"seq\":1}"
            case "backslash": "\\x\\\"\\"
            case "terminal": "\u{1B}[2J"
            case "direction": "\u{202E}\u{2028}"
            case "long": String(repeating: "é", count: 100_000)
            case "longer": String(repeating: "😀\"\\\n", count: 10_000)
            default: ""
            }
        let fixture = try TrailFixture()
        fixture.open()
        var event = AuditEvent(.token, by: TrailFixture.caller(), reason: text)
        event.caller?.unit = text
        event.caller?.claimedCommand = text
        event.scopes = [String](repeating: text, count: 2000)
        event.resources = event.scopes
        event.audience = text
        event.rule = text
        try fixture.trail.append(event)
        let line = try #require(try fixture.lines.last)
        #expect(try fixture.lines.count == 2)
        #expect(line.utf8.count < AuditEvent.longestLine - 200)
        #expect(line.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        // What is read is what was written, as far as it was.
        let read = try #require(TrailLine(Array(line.utf8))?.object?["reason"]?.text)
        #expect(text.hasPrefix(read.hasSuffix("…") ? String(read.dropLast()) : read))
        if text.utf8.count < 10 { #expect(read == text) }
        #expect(try fixture.found() == [])
    }

    /// The times of a line are made by arithmetic; Foundation's are right.
    @Test(arguments: [
        0, 1, 951_782_399, 951_782_400, 951_868_800, 1_800_000_000, 4_107_542_399, 4_107_542_400,
    ])
    func timesAreRight(seconds: Double) {
        for second in stride(from: seconds, through: seconds + 400 * 86_400, by: 86_399) {
            #expect(
                rfc3339Milliseconds(second + 0.25)
                    == rfc3339(second).dropLast() + ".250Z")
        }
    }

    @Test(arguments: 1...count)
    func aChangedLineIsFound(number: Int) throws {
        let (fixture, lines) = try Self.small()
        for (old, new) in [("1000", "1001"), ("token", "tokem"), ("\"gid\"", "\"gie\"")] {
            var changed = lines
            changed[number - 1] = lines[number - 1].replacingOccurrences(of: old, with: new)
            if changed == lines { continue }
            try fixture.write(changed)
            #expect(try fixture.found() == ["changed \(number)"], "\(old)")
        }
        // The hash alone.
        var changed = lines
        let end = lines[number - 1]
        let last = end.dropLast(3)
        changed[number - 1] =
            last + (end.hasSuffix("0\"}") ? "1\"}" : "0\"}")
        if changed[number - 1].utf8.count < end.utf8.count {
            changed[number - 1] = String(last.dropLast()) + "00\"}"
        }
        #expect(changed != lines)
        try fixture.write(changed)
        #expect(try fixture.found() == ["changed \(number)"])
    }

    @Test(arguments: 1...count)
    func aRemovedLineIsFound(number: Int) throws {
        let (fixture, lines) = try Self.small()
        var changed = lines
        changed.remove(at: number - 1)
        try fixture.write(changed)
        let found = try fixture.found()
        let expected =
            number == Self.count
            ? ["cut \(number)"] : ["missing \(number)", "unproved \(number + 1)"]
        #expect(found == expected)
    }

    @Test(arguments: 1..<count)
    func linesInAnotherOrderAreFound(number: Int) throws {
        let (fixture, lines) = try Self.small()
        var changed = lines
        changed.swapAt(number - 1, number)
        try fixture.write(changed)
        let found = try fixture.found()
        #expect(found.contains("moved \(number)"), "\(found)")
    }

    @Test(arguments: 0...count)
    func anInsertedLineIsFound(place: Int) throws {
        let (fixture, lines) = try Self.small()
        // One of the trail's own, one of another trail, and one that was made up.
        let other = try TrailFixture()
        _ = other.trail.open(TrailFixture.keys(9), vaultID: other.id, checkpoint: .start)
        for _ in 2...Self.count { try other.pay("other") }
        let strange = [
            lines[4], try other.lines[3], lines[5].replacingOccurrences(of: "6", with: "7"),
        ]
        for line in strange {
            var changed = lines
            changed.insert(line, at: place)
            try fixture.write(changed)
            let found = try fixture.found()
            #expect(!found.isEmpty, "\(place)")
            #expect(
                found.allSatisfy { $0.hasPrefix("inserted") || $0.hasPrefix("moved") }, "\(found)")
        }
        var changed = lines
        changed.insert("nonsense", at: place)
        try fixture.write(changed)
        #expect(try fixture.found() == ["notALine \(place)"])
    }

    /// Whoever has not the key can't make a chain that fits, also not from a line on to the end.
    @Test(arguments: [2, 5, count])
    func aChainThatSomebodyElseMadeIsFound(from number: Int) throws {
        let (fixture, lines) = try Self.small()
        for keys in [TrailKeys(), TrailFixture.keys(7)] {
            var made = Array(lines[..<(number - 1)])
            var head = try #require(TrailLine(Array(lines[number - 2].utf8))).hash
            for text in lines[(number - 1)...] {
                let body = try #require(TrailLine(Array(text.utf8))).body
                let changed = String(decoding: body, as: UTF8.self)
                    .replacingOccurrences(of: "1000", with: "1001")
                head = keys.hash(Array(changed.utf8), after: head)
                made.append("\(changed),\"hash\":\"\(LineBuilder.hex(head))\"}")
            }
            try fixture.write(made)
            #expect(try fixture.found().first == "changed \(number)")
        }
    }

    /// Lines of another history of the same vault, such as one that was cut off and gone on with, do not fit in.
    @Test(arguments: 2..<count)
    func aLineOfAnotherHistoryIsFound(number: Int) throws {
        let (fixture, lines) = try Self.small()
        let other = try TrailFixture()
        other.open()
        for number in 2...Self.count { try other.pay("other-\(number)") }
        var changed = lines
        changed[number] = try other.lines[number]
        try fixture.write(changed)
        #expect(try fixture.found().contains("changed \(number + 1)"))
    }

    /// However much is cut, the vault knows how long the trail was.
    @Test(arguments: 0..<count)
    func aTrailCutShortOfItsCheckpointIsFound(length: Int) throws {
        let (fixture, lines) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        try fixture.write(Array(lines[..<length]))
        #expect(try fixture.found(sealed) == ["cut \(length + 1)"])
        // And also after the broker went on with it.
        fixture.restart()
        #expect(fixture.open(sealed: sealed) != nil)
        try fixture.pay("more")
        let found = try fixture.found(sealed)
        #expect(found.contains("resumed \(Self.count + 1)"), "\(found)")
    }

    /// Lines after the checkpoint can be cut off; that is said, not found.
    @Test func linesAfterTheCheckpointAreCounted() throws {
        let (fixture, lines) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        try fixture.pay("more")
        try fixture.pay("more")
        let report = try fixture.verify(sealed)
        #expect(report.findings == [])
        #expect(report.lastNumber - report.checkpoint == 2)
        try fixture.write(lines)
        #expect(try fixture.found(sealed) == [])
    }

    /// Another trail of the same length, all of its lines genuine, is not the one that was sealed.
    @Test func anotherHistoryIsNotTheSealedOne() throws {
        let (fixture, _) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        let other = try TrailFixture()
        other.open()
        for number in 2...Self.count { try other.pay("other-\(number)") }
        try fixture.write(try other.lines)
        #expect(try fixture.found(sealed) == ["changed \(Self.count)"])
    }

    /// A crash within a line: at each of its bytes.
    @Test func aTornLineIsPutAsideAndNoAlarm() throws {
        let (fixture, lines) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        let whole = lines.map { $0 + "\n" }.joined()
        for count in stride(from: 1, to: lines[7].utf8.count, by: 37) {
            let torn = lines[7].prefix(count)
            try fixture.write(lines)
            let handle = try #require(FileHandle(forWritingAtPath: fixture.files.current))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(torn.utf8))
            try handle.close()
            #expect(try fixture.found(sealed) == [])
            fixture.restart()
            #expect(fixture.open(sealed: sealed) == nil)
            let text = try String(contentsOfFile: fixture.files.current, encoding: .utf8)
            #expect(text.hasPrefix(whole))
            #expect(text.dropFirst(whole.count).contains("\"event\":\"torn\",\"count\":\(count)"))
            #expect(try fixture.found(sealed) == [])
        }
        let aside = try String(contentsOfFile: fixture.files.torn, encoding: .utf8)
        #expect(aside.contains(lines[7].prefix(100)))
    }

    @Test(arguments: ["gone", "another", "longer", "shorter", "link"])
    func aReplacedFileGetsNoLine(how: String) throws {
        let (fixture, _) = try Self.small()
        let path = fixture.files.current
        let away = path + ".away"
        switch how {
        case "gone": try FileManager.default.moveItem(atPath: path, toPath: away)
        case "another":
            try FileManager.default.moveItem(atPath: path, toPath: away)
            try FileManager.default.copyItem(atPath: away, toPath: path)
        case "longer": try fixture.write(try fixture.lines + ["x"])
        case "shorter": try fixture.write(try fixture.lines.dropLast())
        default:
            try FileManager.default.moveItem(atPath: path, toPath: away)
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: away)
        }
        let before = try String(contentsOfFile: how == "gone" ? away : path, encoding: .utf8)
        for _ in 0..<2 {
            #expect(throws: BrokerError.trail(.unsafe(path: path, .changed))) {
                try fixture.pay("x")
            }
        }
        #expect(
            try String(contentsOfFile: how == "gone" ? away : path, encoding: .utf8) == before)
        #expect(fixture.trail.errorCount == 2)
        guard ["gone", "another", "link"].contains(how) else { return }
        // It goes on by itself once the file is back.
        _ = unlink(path)
        try FileManager.default.moveItem(atPath: away, toPath: path)
        try fixture.pay("x")
        #expect(try fixture.found() == [])
    }

    /// A trail that is lost does not stop the broker after its next start; it is said, and found.
    @Test func aLostTrailIsBegunAnewAndSaid() throws {
        let (fixture, _) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        try FileManager.default.removeItem(atPath: fixture.files.current)
        fixture.restart()
        #expect(fixture.open(sealed: sealed)?.contains("bursar audit --verify") == true)
        try fixture.pay("x")
        #expect(fixture.trail.point?.length == sealed.length + 2)
        #expect(try fixture.found(sealed).contains("resumed \(sealed.length + 1)"))
    }

    /// Where its end was changed while no broker ran, what was there is kept beside.
    @Test func aTrailWithAChangedEndIsKeptAndAnotherBegun() throws {
        let (fixture, lines) = try Self.small()
        let sealed = try #require(fixture.trail.point)
        var changed = lines
        changed[7] = lines[7].replacingOccurrences(of: "1000", with: "1001")
        try fixture.write(changed)
        fixture.restart()
        #expect(fixture.open(sealed: sealed) != nil)
        try fixture.pay("x")
        #expect(try fixture.found(sealed) == ["changed 8", "resumed 9"])
    }

    @Test func theTrailHasNoKeyWhileLocked() throws {
        let (fixture, _) = try Self.small()
        let point = fixture.trail.point
        #expect(fixture.trail.end(AuditEvent(.lock))?.point.length == (point?.length ?? 0) + 1)
        #expect(throws: BrokerError.locked) { try fixture.pay("x") }
        #expect(fixture.trail.opened() == nil)
    }
}
