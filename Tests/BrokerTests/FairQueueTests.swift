import Testing

@testable import Broker

/// Who waits with whom, and who comes first.
struct FairQueueTests {
    private func drained(_ queue: FairQueue<String, String>) -> String {
        var queue = queue
        var order = ""
        while let next = queue.popFirst() { order += next }
        #expect(queue.count == 0)
        return order
    }

    private func queue(_ elements: String, urgent: String = "") -> FairQueue<String, String> {
        var queue = FairQueue<String, String>()
        for element in elements {
            let owner = element.lowercased()
            queue.append(String(element), of: owner, isUrgent: urgent.contains(owner))
        }
        return queue
    }

    @Test(arguments: [
        ("aaaabc", "", "abcaaa"), ("aaabbbc", "", "abcabab"), ("aaaaz", "z", "zaaaa"),
        ("aaazzz", "z", "zazaza"), ("a", "", "a"), ("", "", ""),
    ])
    func ownersTakeTurns(elements: String, urgent: String, order: String) {
        #expect(drained(queue(elements, urgent: urgent)) == order)
    }

    @Test func whoGoesIsNotWaitedFor() {
        var waiting = queue("aAAbc")
        #expect(waiting.owningMost == "a")
        #expect(waiting.remove(of: "a") { $0 == "a" } == "a")
        #expect(waiting.remove(of: "b") { _ in true } == "b")
        #expect(waiting.remove(of: "b") { _ in true } == nil)
        #expect(waiting.count == 3 && waiting.count(of: "a") == 2)
        #expect(drained(waiting) == "AcA")
    }
}
