import Foundation
import TestSupport
import Testing

@testable import Broker
@testable import Vault

/// The trail as it is read: by page, by token.
struct AuditTrailReadTests {
    /// Finds what looking at every byte finds, wherever lines and parts end.
    @Test func aNeedleIsFoundAsByLookingAtEveryByte() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("needle: seed \(seed)")
        var random = Seeded(state: seed)
        for _ in 0..<300 {
            let word = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                "ab".randomElement(using: &random) ?? "a"
            }
            let needle = String(word)
            let text = String(
                (0..<Int.random(in: 0...200, using: &random)).map { _ in
                    "aabb\n".randomElement(using: &random) ?? "a"
                })
            // What follows the last end is no whole line.
            let whole = text.components(separatedBy: "\n").dropLast()
            let expected = whole.filter { $0.contains(needle) }
            let found = Needle(needle).lines(in: Array(text.utf8)).map {
                String(decoding: $0, as: UTF8.self)
            }
            #expect(found == expected, "\(needle) in \(text)")
        }
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    /// However often a token was paid out, an answer is bounded, and the next one goes on.
    @Test func payoutsOfATokenComeInPages() throws {
        let fixture = try TrailFixture(.smallFiles(count: 200, bytes: 20_000))
        fixture.open()
        for number in 0..<300 { try fixture.pay("t\(number % 3)") }
        let keys = try #require(fixture.trail.opened()).keys
        let hash = keys.hash(token: Array("t1".utf8).span)
        let reader = TrailReader(files: fixture.files)
        let all = try reader.payouts(of: hash)
        #expect(all.count == 100)
        var paged: [TrailLine] = []
        for _ in 0..<20 {
            let page = try reader.payouts(
                of: hash, after: paged.last?.number ?? 0, limit: 7)
            #expect(page.count <= 7)
            paged += page
        }
        #expect(paged == all)
    }
}
