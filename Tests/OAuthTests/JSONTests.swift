import Sodium
import Testing

@testable import OAuth

private func parse(_ text: String) throws(JSONValue.Problem) -> JSONValue {
    let bytes = Array(text.utf8)
    return try JSONValue(parsing: bytes.span)
}

struct JSONTests {
    @Test(arguments: [
        "null", "true", "[1,-0.5e+3,\"x\"]", "{\"a\":{\"b\":[]},\"c\":\"\"}", "\"\\u0000\\\"\\\\\"",
    ])
    func whatIsReadIsWrittenTheSame(text: String) throws {
        #expect(String(decoding: try parse(text).encoded(), as: UTF8.self) == text)
    }

    @Test(arguments: [
        (" {\"a\" : 1 } ", "{\"a\":1}"), ("\"\\ud83d\\ude00\\/\"", "\"😀/\""),
        ("\u{FEFF}{}", "{}"),
    ])
    func readsOtherSpellings(text: String, canonical: String) throws {
        #expect(String(decoding: try parse(text).encoded(), as: UTF8.self) == canonical)
    }

    @Test(arguments: [
        "", "{", "{\"a\":1", "\"abc", "[1,", "tru", "-", "1.", "{\"a\":1}x", "{a:1}", "[1,]",
        "{\"a\":1,}", "01", "+1", ".5", "nul", "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "'a'",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "NaN", "{\"a\" 1}", "[1 2]",
    ])
    func refuses(text: String) {
        #expect(throws: JSONValue.Problem.self) { _ = try parse(text) }
    }

    @Test func refusesWhatIsNestedTooDeep() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONValue.Problem.tooDeep) { _ = try parse(deep) }
    }

    @Test func refusesBytesThatAreNoUTF8() {
        let bytes: [UInt8] = [0x22, 0xFF, 0x22]
        #expect(throws: JSONValue.Problem.self) { _ = try JSONValue(parsing: bytes.span) }
    }

    /// Whatever bytes come, the reader says something, and what it reads, it reads again.
    @Test func standsAnyBytes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SplitMix(state: seed)
        let alphabet = Array("{}[]\",:\\u0019eE.+-truefalsn \n\u{7f}é".utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<24, using: &generator)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator)! }
            guard let value = try? JSONValue(parsing: bytes.span) else { continue }
            let again = value.encoded()
            #expect((try? JSONValue(parsing: again.span)) == value)
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
