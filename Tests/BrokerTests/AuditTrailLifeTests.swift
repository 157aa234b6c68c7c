import Foundation
import Sodium
import TestSupport
import Testing

@testable import Broker
@testable import Vault

/// The trail over time: full files, floods, times when the vault is locked, a full disk.
struct AuditTrailLifeTests {
    private static var smallFiles: TrailLimits {
        var limits = TrailLimits()
        limits.fileByteCount = 4000
        limits.fileCount = 3
        limits.lockedByteCount = 2000
        return limits
    }

    private func refusal(_ uid: UInt32, _ reason: String = "denied") -> AuditEvent {
        AuditEvent(.refused, by: TrailFixture.caller(uid), reason: reason)
    }

    private func files(_ fixture: TrailFixture) -> [String] {
        fixture.files.all.filter { FileManager.default.fileExists(atPath: $0) }
    }

    @Test func aFullFileIsFollowedByAnother() throws {
        let fixture = try TrailFixture(.smallFiles(count: 100))
        fixture.open()
        for number in 0..<50 { try fixture.pay("t\(number)") }
        #expect(files(fixture).count > 4)
        #expect(try fixture.found() == [])
        #expect(fixture.trail.dueCheckpoint() == fixture.trail.point)
        // And also after a restart, wherever that finds it.
        fixture.restart()
        let sealed = try #require(try fixture.last)
        #expect(fixture.open(sealed: sealed) == nil)
        try fixture.pay("x")
        #expect(try fixture.found(sealed) == [])
    }

    /// Whatever a crash leaves of the change from one file to the next.
    @Test(arguments: ["renamed", "made", "torn"])
    func aCrashWhileAFileIsBegunLosesNothing(at stage: String) throws {
        let fixture = try TrailFixture(.smallFiles(count: 100))
        fixture.open()
        while files(fixture).count < 3 { try fixture.pay("t") }
        let sealed = try #require(fixture.trail.point)
        let path = fixture.files.current
        let first = try #require(try fixture.lines.first)
        let number = try #require(TrailLine(Array(first.utf8))?.number)
        try FileManager.default.moveItem(atPath: path, toPath: fixture.files.full(from: number))
        if stage != "renamed" {
            _ = FileManager.default.createFile(
                atPath: path, contents: stage == "made" ? Data() : Data(first.utf8.prefix(100)),
                attributes: [.posixPermissions: 0o600])
        }
        fixture.restart()
        #expect(fixture.open(sealed: sealed) == nil)
        try fixture.pay("x")
        #expect(try fixture.found(sealed) == [])
        #expect(try fixture.lines.first?.contains("\"continued\"") == true)
    }

    /// The oldest files go; that they went is told apart from that somebody took them.
    @Test func theTrailIsBoundedAndWhatWentIsSaid() throws {
        let fixture = try TrailFixture(Self.smallFiles)
        fixture.open()
        for number in 0..<100 { try fixture.pay("t\(number)") }
        #expect(files(fixture).count == 3)
        let report = try fixture.verify()
        #expect(report.findings == [])
        #expect(report.firstNumber > 50)
        let oldest = try #require(files(fixture).first)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: oldest))
        try FileManager.default.removeItem(atPath: oldest)
        #expect(try fixture.found() == ["missing \(report.firstNumber)"])
        // It stays found when more files are begun, for as long as it would have been kept.
        let first = fixture.trail.point?.length ?? 0
        while (fixture.trail.point?.length ?? 0) < first + 12 { try fixture.pay("x") }
        #expect(try fixture.found() == ["missing \(report.firstNumber)"])
        _ = FileManager.default.createFile(
            atPath: oldest, contents: bytes, attributes: [.posixPermissions: 0o600])
        #expect(try fixture.found() == [])
    }

    /// Files of somebody's own, named like the trail's, push none of the trail's out.
    @Test func strangeFilesPushNothingOut() throws {
        let fixture = try TrailFixture(.smallFiles(count: 6))
        fixture.open()
        while files(fixture).count < 3 { try fixture.pay("t") }
        let before = files(fixture).dropLast()
        for number in 0..<10 {
            _ = FileManager.default.createFile(
                atPath: fixture.files.full(from: 900_000 + UInt64(number)),
                contents: Data("x\n".utf8), attributes: [.posixPermissions: 0o600])
        }
        for _ in 0..<50 where files(fixture).count < 14 { try fixture.pay("t") }
        fixture.restart()
        fixture.open()
        for path in before { #expect(FileManager.default.fileExists(atPath: path)) }
        let found = try fixture.found()
        #expect(found.count == 10)
        #expect(found.allSatisfy { $0.hasPrefix("notALine") }, "\(found)")
    }

    @Test func manyRefusalsMakeFewLines() throws {
        let fixture = try TrailFixture()
        fixture.open()
        for _ in 0..<5000 { fixture.trail.refused(refusal(1)) }
        for _ in 0..<3 { fixture.trail.refused(refusal(1, "locked")) }
        for _ in 0..<20 { fixture.trail.refused(refusal(2)) }
        #expect(try fixture.lines.count == 1 + 9 + 3 + 9)
        fixture.time.advance(by: .seconds(59))
        fixture.trail.tidy()
        #expect(try fixture.lines.count == 22)
        fixture.time.advance(by: .seconds(1))
        fixture.trail.tidy()
        let closing = try fixture.lines[22...].sorted()
        #expect(closing.count == 2)
        #expect(closing.contains { $0.contains("\"uid\":1,") && $0.contains("\"count\":4991") })
        #expect(closing.contains { $0.contains("\"uid\":2,") && $0.contains("\"count\":11") })
        // And then the next ones are lines again.
        fixture.trail.refused(refusal(1))
        #expect(try fixture.lines.count == 25)
        #expect(try fixture.found() == [])
    }

    /// A flood from many users, day after day, takes its part of the trail and no more.
    @Test func aFloodOfRefusalsLeavesRoomForTokens() throws {
        let fixture = try TrailFixture(.smallFiles(count: 3, bytes: 40_000))
        fixture.open()
        try fixture.pay("before")
        for _ in 0..<20 {
            for uid in 0..<3000 { fixture.trail.refused(refusal(UInt32(uid))) }
            fixture.time.advance(by: .seconds(61))
            fixture.trail.tidy()
        }
        #expect(files(fixture).count == 1)
        #expect(try fixture.lines[1].contains("\"event\":\"token\""))
        #expect(try fixture.lines.count < 60)
        try fixture.pay("after")
        #expect(try fixture.lines.last?.contains("\"event\":\"token\"") == true)
        // What had no line is counted.
        #expect(
            try fixture.lines.count { $0.contains("\"reason\":\"not_counted_apart\",\"count\":") }
                == 20)
    }

    @Test func whatHappensWhileLockedIsTakenIn() throws {
        let fixture = try TrailFixture()
        fixture.trail.close(vaultID: fixture.id)
        fixture.trail.note(AuditEvent(.start))
        fixture.trail.refused(AuditEvent(.wrongPassphrase, by: TrailFixture.caller(7)))
        fixture.restart()
        fixture.trail.note(AuditEvent(.start))
        fixture.trail.refused(refusal(8, "locked"))
        #expect(!FileManager.default.fileExists(atPath: fixture.files.current))
        fixture.open()
        let lines = try fixture.lines
        #expect(lines.count == 5)
        #expect(lines[2].contains("\"event\":\"wrong_passphrase\",\"while_locked\":true,"))
        #expect(lines[2].contains("\"segment_line\":2,\"uid\":7,"))
        #expect(lines[4].contains("\"segment_line\":4,\"uid\":8,"))
        #expect(!FileManager.default.fileExists(atPath: fixture.files.locked))
        #expect(try fixture.found() == [])
    }

    /// A crash while they are taken in: nothing twice, nothing lost.
    @Test(arguments: 1...5)
    func aCrashWhileTakingInDoublesNothing(after count: Int) throws {
        let fixture = try TrailFixture()
        fixture.trail.close(vaultID: fixture.id)
        for uid in 1...4 { fixture.trail.refused(refusal(UInt32(uid))) }
        let segment = try Data(contentsOf: URL(fileURLWithPath: fixture.files.locked))
        fixture.open()
        let lines = try fixture.lines
        #expect(lines.count == 5)
        try fixture.write(Array(lines[..<count]))
        _ = FileManager.default.createFile(
            atPath: fixture.files.locked, contents: segment, attributes: [.posixPermissions: 0o600])
        fixture.restart()
        fixture.trail.note(AuditEvent(.start))
        #expect(fixture.open() == nil)
        let users = try fixture.lines.compactMap { line in
            (1...4).first { line.contains("\"uid\":\($0),") }
        }
        #expect(users == [1, 2, 3, 4])
        #expect(try fixture.lines.count == 6)
        #expect(try fixture.found() == [])
    }

    /// Anybody who writes the folder can write a segment; it says nothing that matters.
    @Test(arguments: ["token", "create", "nonsense", "chain", "link"])
    func aMadeUpSegmentGetsNoTokenIntoTheTrail(how: String) throws {
        let fixture = try TrailFixture()
        fixture.trail.close(vaultID: fixture.id)
        for uid in 1...3 { fixture.trail.refused(refusal(UInt32(uid))) }
        let path = fixture.files.locked
        let text = try String(contentsOfFile: path, encoding: .utf8)
        switch how {
        case "nonsense":
            try (text + "{}\n\nx").write(toFile: path, atomically: false, encoding: .utf8)
        case "chain":
            try text.replacingOccurrences(of: "\"uid\":2", with: "\"uid\":9")
                .write(toFile: path, atomically: false, encoding: .utf8)
        case "link":
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "/etc/passwd")
        default:
            try text.replacingOccurrences(of: "refused", with: how)
                .write(toFile: path, atomically: false, encoding: .utf8)
        }
        fixture.restart()
        #expect(fixture.open() == nil)
        let lines = try fixture.lines
        #expect(lines.allSatisfy { !$0.contains("\"event\":\"token\"") && !$0.contains("create") })
        #expect(lines.last?.contains("\"event\":\"dropped\"") == true, "\(lines)")
        try fixture.pay("x")
        #expect(try fixture.found() == [])
    }

    @Test func theSegmentIsBounded() throws {
        let fixture = try TrailFixture(Self.smallFiles)
        fixture.trail.close(vaultID: fixture.id)
        for uid in 0..<500 { fixture.trail.refused(refusal(UInt32(uid))) }
        let size = try FileManager.default.attributesOfItem(atPath: fixture.files.locked)[.size]
        #expect(try #require(size as? Int) <= 2000)
        fixture.open()
        #expect(try fixture.lines.last?.contains("\"event\":\"dropped\"") == true)
        #expect(try fixture.found() == [])
    }

    /// Without a vault there is nothing to chain it to, and no name for the file.
    @Test func withoutAVaultThereIsNoTrail() throws {
        let fixture = try TrailFixture()
        fixture.trail.note(AuditEvent(.start))
        fixture.trail.refused(refusal(1))
        #expect(!FileManager.default.fileExists(atPath: fixture.files.folder))
    }

    /// Nobody waits for the disk, and yet every line is there half a second later, and a checkpoint when it is due.
    @Test(.timeLimit(.minutes(12))) func linesAreSyncedSoonAfter() async throws {
        var limits = TrailLimits()
        limits.linesUntilCheckpoint = 3
        let fixture = try TrailFixture(limits)
        fixture.open()
        let (points, point) = AsyncStream.makeStream(of: TrailPoint.self)
        let syncing = Task { [trail = fixture.trail] in await trail.run { point.yield($0) } }
        defer { syncing.cancel() }
        for _ in 0..<3 { try fixture.pay("x") }
        #expect(fixture.trail.syncedNumber == 0)
        // In few and large steps: other tests block the threads that this one needs.
        while fixture.trail.syncedNumber != 4 {
            fixture.time.advance(by: .seconds(1))
            try await Task.sleep(for: .milliseconds(1))
        }
        var first = points.makeAsyncIterator()
        #expect(await first.next() == fixture.trail.point)
    }

    @Test func checkpointsAreDueAfterLinesAndAfterTime() throws {
        var limits = TrailLimits()
        limits.linesUntilCheckpoint = 10
        let fixture = try TrailFixture(limits)
        fixture.open()
        fixture.trail.noteSealed(try #require(fixture.trail.point))
        #expect(fixture.trail.dueCheckpoint() == nil)
        for _ in 0..<9 { try fixture.pay("x") }
        #expect(fixture.trail.dueCheckpoint() == nil)
        try fixture.pay("x")
        let point = try #require(fixture.trail.dueCheckpoint())
        #expect(point == fixture.trail.point)
        fixture.trail.noteSealed(point)
        fixture.time.advance(by: .seconds(600))
        #expect(fixture.trail.dueCheckpoint() == nil)
        try fixture.pay("x")
        #expect(fixture.trail.dueCheckpoint() != nil)
    }

    /// Whatever a write to a full disk leaves, nothing is paid out; with room again, all goes on.
    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func aFullDiskPaysNothingAndGoesOnLater() throws {
        let disk = try SmallDisk()
        let fixture = try TrailFixture(in: disk.path)
        fixture.open()
        try fixture.pay("first")
        disk.fill()
        var paid = 1
        var refusal: BrokerError?
        while refusal == nil, paid < 1000 {
            do throws(BrokerError) {
                try fixture.trail.paid(
                    Token(
                        accessToken: "t", tokenType: "Bearer", scope: nil,
                        requestedAt: fixture.time.now, lifetime: nil),
                    for: TokenKey(
                        credential: .init(id: fixture.id, revision: 1), scopes: [], audience: nil,
                        resources: []), to: TrailFixture.caller(), by: "owner")
                paid += 1
            } catch {
                refusal = error
            }
        }
        guard case .trail(.system(_, _, ENOSPC)) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(Problem(try #require(refusal)).exitCode == 74)
        // Each line that is there is whole, and each payout has one.
        #expect(try fixture.found() == [])
        #expect(try fixture.lines.count { $0.contains("\"event\":\"token\"") } == paid)
        fixture.trail.refused(self.refusal(3))
        disk.empty()
        try fixture.pay("again")
        #expect(try fixture.lines.count { $0.contains("\"event\":\"token\"") } == paid + 1)
        #expect(try fixture.found() == [])
    }

    /// Where a trail can't even be begun, unlocking is said to be of no use for tokens, and is tried again.
    @Test func aFolderThatCanNotBeMadeStopsPayoutsUntilItCan() throws {
        let fixture = try TrailFixture()
        _ = FileManager.default.createFile(atPath: fixture.files.folder, contents: Data())
        #expect(fixture.open()?.contains("no token is paid out") == true)
        #expect(throws: BrokerError.self) { try fixture.pay("x") }
        try FileManager.default.removeItem(atPath: fixture.files.folder)
        try fixture.pay("x")
        #expect(try fixture.found() == [])
    }

    /// What a page has, from any place, in trails of any length.
    @Test(arguments: [1, 10, 200])
    func pagesHaveTheLinesAfterANumber(count: Int) throws {
        let fixture = try TrailFixture(.smallFiles(count: 200, bytes: 50_000))
        fixture.open()
        for number in 0..<count { try fixture.pay("t\(number)") }
        let reader = TrailReader(files: fixture.files)
        let last = UInt64(count) + 1
        for after in stride(from: 0, through: last, by: max(1, count / 7)) {
            let page = try reader.lines(after: after, limit: 20)
            let end = min(after + 20, fixture.trail.point?.length ?? 0)
            #expect(page.map(\.number) == (after < end ? Array((after + 1)...end) : []))
        }
    }

    @Test func aTokenIsFoundByItsHash() throws {
        let fixture = try TrailFixture(.smallFiles(count: 200))
        fixture.open()
        for number in 0..<60 { try fixture.pay("t\(number % 20)") }
        let keys = try #require(fixture.trail.opened()).keys
        let reader = TrailReader(files: fixture.files)
        let found = try reader.payouts(of: keys.hash(token: Array("t7".utf8).span))
        #expect(found.count == 3)
        #expect(try reader.payouts(of: keys.hash(token: Array("t77".utf8).span)).isEmpty)
    }
}

extension TrailLimits {
    static func smallFiles(count: Int, bytes: Int = 4000) -> TrailLimits {
        var limits = TrailLimits()
        limits.fileByteCount = bytes
        limits.fileCount = count
        return limits
    }
}

extension TrailFixture {
    /// The last line that is there.
    var last: TrailPoint? {
        get throws {
            try lines.last.flatMap { TrailLine(Array($0.utf8)) }.map {
                TrailPoint(length: $0.number, head: $0.hash)
            }
        }
    }
}

/// A disk of 256 KiB; the mount goes with the value.
private final class SmallDisk {
    private let folder: TemporaryFolder
    var path: String { folder.path }

    init() throws {
        folder = try TemporaryFolder()
        try Self.run("/bin/mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder.path)
        _ = chmod(folder.path, 0o700)
    }

    func fill() {
        _ = FileManager.default.createFile(
            atPath: path + "/filler", contents: Data(count: 200 << 10))
        let handle = FileHandle(forWritingAtPath: path + "/filler")
        _ = try? handle?.seekToEnd()
        while (try? handle?.write(contentsOf: Data(count: 512))) != nil {}
    }

    func empty() { unlink(path + "/filler") }

    private static func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit { try? Self.run("/bin/umount", folder.path) }
}
