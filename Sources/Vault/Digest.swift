/// 32 bytes as four integers: a cheap key of a dictionary, and a number that sums modulo 2^256.
struct Digest: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Zero.
    init() { words = (0, 0, 0, 0) }

    /// Reads 32 bytes, the least significant first; nil for any other count.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        func word(_ index: Int) -> UInt64 {
            bytes[(index * 8)..<(index * 8 + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// The 32 bytes, the least significant first.
    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap(\.littleEndianBytes)
    }

    static func == (one: Digest, other: Digest) -> Bool { one.words == other.words }

    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// The sum modulo 2^256.
    static func + (one: Digest, other: Digest) -> Digest {
        var sum = Digest()
        var carry: UInt64 = 0
        sum.words.0 = add(one.words.0, other.words.0, &carry)
        sum.words.1 = add(one.words.1, other.words.1, &carry)
        sum.words.2 = add(one.words.2, other.words.2, &carry)
        sum.words.3 = add(one.words.3, other.words.3, &carry)
        return sum
    }

    /// The difference modulo 2^256.
    static func - (one: Digest, other: Digest) -> Digest {
        var negative = Digest()
        negative.words = (~other.words.0, ~other.words.1, ~other.words.2, ~other.words.3)
        var increment = Digest()
        increment.words.0 = 1
        return one + (negative + increment)
    }

    private static func add(_ one: UInt64, _ other: UInt64, _ carry: inout UInt64) -> UInt64 {
        let (first, overflow) = one.addingReportingOverflow(other)
        let (sum, overflowAgain) = first.addingReportingOverflow(carry)
        carry = overflow || overflowAgain ? 1 : 0
        return sum
    }
}

extension UInt64 {
    /// The 8 bytes, the least significant first.
    var littleEndianBytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) }
    }

    /// Reads 8 bytes, the least significant first.
    init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        self = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
