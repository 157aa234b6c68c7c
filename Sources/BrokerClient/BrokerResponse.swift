/// A broker's answer.
public struct BrokerResponse: Sendable, Equatable {
    /// The HTTP status.
    public let status: Int
    /// The body, whole.
    public let body: [UInt8]

    /// The most bytes of an answer that are read.
    static let limit = 64 << 20

    /// Whether the broker did what it was asked for.
    public var isSuccess: Bool { (200..<300).contains(status) }

    /// Makes an answer.
    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// Reads an answer; nil if more of it has to come.
    ///
    /// - Parameters:
    ///   - bytes: what has come so far.
    ///   - isEnd: whether nothing more will come.
    /// - Throws: ``ClientError/badAnswer`` for anything but one HTTP/1.1 answer, as long as it says.
    init?(parsing bytes: [UInt8], isEnd: Bool) throws(ClientError) {
        guard let end = Self.headEnd(bytes) else {
            if isEnd { throw .badAnswer }
            return nil
        }
        let start = Array("http/1.1 ".utf8)
        guard Self.has(start, bytes, at: 0), end >= start.count + 3,
            let status = Self.integer(bytes[start.count..<(start.count + 3)]),
            (200..<600).contains(status)
        else { throw .badAnswer }
        let byteCount = bytes.count - end - 4
        if let expected = try Self.contentLength(bytes, before: end) {
            if byteCount < expected && !isEnd { return nil }
            guard byteCount == expected else { throw .badAnswer }
        } else if !isEnd {
            return nil
        }
        self.status = status
        body = Array(bytes[(end + 4)...])
    }

    private static func contentLength(
        _ bytes: [UInt8], before end: Int
    ) throws(ClientError) -> Int? {
        let name = Array("content-length:".utf8)
        var line = 0
        while line < end {
            let next = lineEnd(bytes, from: line, before: end)
            if has(name, bytes, at: line) {
                let value = bytes[(line + name.count)..<next].drop { $0 == UInt8(ascii: " ") }
                guard let count = integer(value) else { throw .badAnswer }
                return count
            }
            line = next + 2
        }
        return nil
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        var index = 0
        while index + 4 <= bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13,
                bytes[index + 3] == 10
            {
                return index
            }
            index += 1
        }
        return nil
    }

    private static func lineEnd(_ bytes: [UInt8], from start: Int, before end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != 13 || bytes[index + 1] != 10 { index += 1 }
        return index
    }

    /// Whether a text, in lower case, stands at a place, in whatever case.
    private static func has(_ text: [UInt8], _ bytes: [UInt8], at start: Int) -> Bool {
        guard start + text.count <= bytes.count else { return false }
        for index in text.indices {
            let byte = bytes[start + index]
            guard text[index] == ((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) else {
                return false
            }
        }
        return true
    }

    private static func integer(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(digits.count) else { return nil }
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }
}
