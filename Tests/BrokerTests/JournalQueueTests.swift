import Foundation
import Synchronization
import Testing

@testable import Broker

/// Lines for a journal that is slow, or hangs.
struct JournalQueueTests {
    private final class Reader: Sendable {
        let text = Mutex("")
        let gate = DispatchSemaphore(value: 0)
    }

    @Test func whoeverLogsWaitsForNobodyAndWhatIsTooMuchIsCounted() async throws {
        let reader = Reader()
        let queue = JournalQueue { text in
            reader.gate.wait()
            reader.text.withLock { $0 += text }
        }
        queue.append("first")
        for number in 0..<(JournalQueue.mostLines + 500) { queue.append("line \(number)") }
        let isEmpty = reader.text.withLock { $0.isEmpty }
        #expect(isEmpty)
        for _ in 0..<10 { reader.gate.signal() }
        await queue.finish(within: .seconds(60))
        let text = reader.text.withLock { $0 }
        let lines = text.split(separator: "\n")
        #expect(lines.first == "first")
        // The first one may have been taken alone, or with others.
        let kept = lines.count { $0.hasPrefix("line ") }
        #expect(kept >= JournalQueue.mostLines - 1)
        let dropped = JournalQueue.mostLines + 500 - kept
        #expect(lines.last == "<4>\(dropped) lines were dropped")
    }

    /// A journal that never reads again does not keep the broker from ending.
    @Test func theEndIsNotWaitedForForEver() async {
        let reader = Reader()
        let queue = JournalQueue { _ in reader.gate.wait() }
        queue.append("x")
        // It returns, although nothing was read.
        await queue.finish(within: .milliseconds(50))
        reader.gate.signal()
    }
}
