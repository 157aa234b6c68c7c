import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Broker
@testable import Vault

/// Nobody silences the trail for others, or the journal.
struct AuditTrailFloodTests {
    private final class Journal: Sendable {
        private let lines = Mutex<[String]>([])

        func all(_ word: String) -> [String] {
            lines.withLock { $0.filter { $0.contains(word) } }
        }

        var logger: Logger {
            Logger(label: "x") { _ in
                JournalLogHandler { line in self.lines.withLock { $0.append(line) } }
            }
        }
    }

    private func refusal(
        _ uid: UInt32, contained: Bool = false, _ reason: String = "denied"
    ) -> AuditEvent {
        var caller = TrailFixture.caller(uid)
        caller.isContained = contained
        return AuditEvent(.refused, by: caller, reason: reason)
    }

    private func advance(_ fixture: TrailFixture) {
        fixture.time.advance(by: .seconds(61))
        fixture.trail.tidy()
    }

    /// Thousands of uids of containers, for hours: each other user's first refusal in a minute has its line.
    @Test func aFloodFromContainersSilencesNobodyElse() throws {
        let fixture = try TrailFixture()
        let journal = Journal()
        fixture.trail.mirror(to: journal.logger)
        fixture.open()
        for _ in 0..<200 {
            for uid in 0..<2000 {
                fixture.trail.refused(refusal(100_000 + UInt32(uid), contained: true))
            }
            fixture.trail.refused(refusal(5))
            fixture.trail.refused(
                AuditEvent(.wrongPassphrase, by: TrailFixture.caller(0), reason: "wrong_passphrase")
            )
            advance(fixture)
        }
        let lines = try fixture.lines
        #expect(lines.count { $0.contains("\"event\":\"wrong_passphrase\"") } == 200)
        #expect(lines.count { $0.contains("\"uid\":5,") } == 200)
        // Those of the containers are one party: nobody is named for all of them.
        let closing = lines.filter { $0.contains("\"count\":1991,") }
        #expect(closing.count == 200)
        #expect(closing.allSatisfy { !$0.contains("\"uid\"") && $0.contains("\"container\":true") })
        #expect(journal.all(" uid=5").count == 200)
        #expect(try fixture.found() == [])
    }

    /// A thousand real users: what has no line is counted each minute, and all of it is in the journal.
    @Test func whatHasNoLineIsCountedEachMinuteAndLogged() throws {
        var limits = TrailLimits()
        limits.fileByteCount = 400_000
        let fixture = try TrailFixture(limits)
        let journal = Journal()
        fixture.trail.mirror(to: journal.logger)
        fixture.open()
        for _ in 0..<3 {
            for uid in 0..<1000 { fixture.trail.refused(refusal(UInt32(uid))) }
            advance(fixture)
        }
        let lines = try fixture.lines
        let counted = lines.filter { $0.contains("not_counted_apart") }
        #expect(counted.count == 3)
        let own = lines.count { $0.contains("\"event\":\"refused\"") } - counted.count
        #expect((3...60).contains(own), "\(own)")
        #expect(journal.all("event=refused").count { !$0.contains("not_counted") } == 3000)
    }

    /// At their usual pace only until the part of the file is used up; then slower, but never not at all.
    @Test func refusalsLeaveTheRestOfAFileToPayouts() throws {
        var limits = TrailLimits()
        limits.fileByteCount = 1 << 20
        let fixture = try TrailFixture(limits)
        fixture.open()
        try fixture.pay("x")
        for _ in 0..<200 {
            for uid in 0..<64 { fixture.trail.refused(refusal(UInt32(uid))) }
            advance(fixture)
        }
        let size = try Data(contentsOf: URL(fileURLWithPath: fixture.files.current)).count
        #expect(fixture.files.fullNumbers.isEmpty)
        #expect(size > limits.refusalByteCount && size < limits.refusalByteCount * 3 / 2, "\(size)")
        // A broker that starts anew knows how much there is.
        let sealed = try #require(fixture.trail.point)
        fixture.restart()
        fixture.open(sealed: sealed)
        let before = try fixture.lines.count
        for uid in 0..<64 { fixture.trail.refused(refusal(UInt32(uid))) }
        #expect(try fixture.lines.count <= before + 4)
    }

    /// What can't be written is in the journal, and counted once a line can be.
    @Test func whatCouldNotBeWrittenIsLoggedAndCounted() throws {
        let fixture = try TrailFixture()
        let journal = Journal()
        fixture.trail.mirror(to: journal.logger)
        fixture.open()
        let path = fixture.files.current
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        fixture.trail.refused(
            AuditEvent(.wrongPassphrase, by: TrailFixture.caller(7), reason: "wrong_passphrase"))
        fixture.trail.note(AuditEvent(.unlock, by: TrailFixture.caller(7)))
        fixture.trail.refused(refusal(8))
        #expect(throws: BrokerError.self) { try fixture.pay("x") }
        for word in ["event=wrong_passphrase", "event=unlock", "event=refused", "event=token"] {
            let lines = journal.all(word)
            #expect(lines.count == 1, "\(word)")
            #expect(lines.allSatisfy { $0.hasPrefix("<3>") && $0.contains(" not_written=") })
        }
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try fixture.pay("x")
        let last = try #require(try fixture.lines.last)
        #expect(
            last.contains("\"event\":\"dropped\",\"reason\":\"not_written\",\"count\":2,"),
            "\(last)")
        advance(fixture)
        #expect(try fixture.lines.last?.contains("\"not_counted_apart\",\"count\":1,") == true)
        #expect(try fixture.lines.count { $0.contains("\"dropped\"") } == 1)
        #expect(try fixture.found() == [])
    }

    /// Payouts without end cost the journal nothing else.
    @Test func payoutsInTheJournalAreBounded() throws {
        let fixture = try TrailFixture()
        let journal = Journal()
        fixture.trail.mirror(to: journal.logger)
        fixture.open()
        for _ in 0..<(TrailJournal.mostPayouts + 50) { try fixture.pay("x") }
        fixture.trail.refused(refusal(5))
        #expect(journal.all("event=token").count == TrailJournal.mostPayouts)
        #expect(journal.all("event=refused").count == 1)
        fixture.time.advance(by: .seconds(31))
        try fixture.pay("x")
        #expect(journal.all("omitted=50").count == 1)
        #expect(journal.all("event=token").count == TrailJournal.mostPayouts + 2)
    }

    /// While the vault is locked anybody may be refused; that must not cost the lines of others.
    @Test func refusalsWhileLockedLeaveRoomForTheRest() throws {
        var limits = TrailLimits()
        limits.lockedByteCount = 32_000
        let fixture = try TrailFixture(limits)
        fixture.trail.close(vaultID: fixture.id)
        for uid in 0..<500 { fixture.trail.refused(refusal(UInt32(uid))) }
        for uid in 1..<3 {
            fixture.trail.refused(
                AuditEvent(.wrongPassphrase, by: TrailFixture.caller(UInt32(uid))))
        }
        let size = try Data(contentsOf: URL(fileURLWithPath: fixture.files.locked)).count
        #expect(size <= 32_000)
        // A crash forgets how many did not fit; the segment does not.
        fixture.restart()
        for _ in 0..<3 { fixture.trail.note(AuditEvent(.start)) }
        fixture.restart()
        fixture.open()
        let lines = try fixture.lines
        #expect(lines.count { $0.contains("\"event\":\"wrong_passphrase\"") } == 2)
        #expect(lines.count { $0.contains("\"event\":\"start\"") } == 3)
        let last = try #require(lines.last.flatMap { TrailLine(Array($0.utf8)) }?.object)
        #expect(last["event"]?.text == "dropped")
        let count = try #require(last["count"]?.unsigned)
        let refused = lines.count { $0.contains("\"event\":\"refused\"") }
        #expect(count >= 256 && count <= 500 - UInt64(refused), "\(count) \(refused)")
        #expect(try fixture.found() == [])
    }
}
