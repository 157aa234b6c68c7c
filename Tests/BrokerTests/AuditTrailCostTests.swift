import Foundation
import TestSupport
import Testing

@testable import Broker

/// What the trail adds to each token; `BURSAR_MEASURE=1` prints it.
struct AuditTrailCostTests {
    @Test func aLineCostsLittle() throws {
        let fixture = try TrailFixture()
        fixture.open()
        let isMeasured = ProcessInfo.processInfo.environment["BURSAR_MEASURE"] != nil
        let count = isMeasured ? 20_000 : 500
        var times: [Duration] = []
        for number in 0..<count {
            let start = ContinuousClock.now
            try fixture.pay("token-\(number)")
            times.append(ContinuousClock.now - start)
        }
        times.sort()
        if isMeasured {
            print(
                "a line of the trail: median \(times[count / 2]), 99 % \(times[count * 99 / 100])")
        }
        // Without optimization, and beside other tests; optimized it takes a tenth.
        #expect(times[count / 2] < .milliseconds(2))
        let start = ContinuousClock.now
        let report = try fixture.verify()
        if isMeasured {
            print("verifying \(report.lineCount) lines: \(ContinuousClock.now - start)")
        }
        #expect(report.findings == [])
    }
}
