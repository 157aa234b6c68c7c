internal import Sodium

/// Reads JSON byte by byte.
struct JSONReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ span: Span<UInt8>) {
        bytes = span.copied()
    }

    mutating func document() throws(JSONValue.Problem) -> JSONValue {
        // Some servers put a byte order mark before the text (RFC 8259, section 8.1, allows ignoring it).
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw .unexpected(offset: offset) }
        return value
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { offset += 1 }
    }

    private mutating func require(_ byte: UInt8) throws(JSONValue.Problem) {
        guard let next else { throw .truncated }
        guard next == byte else { throw .unexpected(offset: offset) }
        offset += 1
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONValue.Problem) -> JSONValue {
        guard depth <= JSONValue.depthLimit else { throw .tooDeep }
        skipSpace()
        guard let byte = next else { throw .truncated }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw .unexpected(offset: offset)
        }
    }

    private mutating func word(
        _ word: StaticString, _ value: JSONValue
    ) throws(JSONValue.Problem) -> JSONValue {
        for byte in word.description.utf8 { try require(byte) }
        return value
    }

    private mutating func object(depth: Int) throws(JSONValue.Problem) -> JSONValue {
        offset += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        if skip(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipSpace()
            guard next != nil else { throw .truncated }
            guard next == UInt8(ascii: "\"") else { throw .unexpected(offset: offset) }
            let name = try string()
            guard names.insert(name).inserted else { throw .duplicateMember(name) }
            skipSpace()
            try require(UInt8(ascii: ":"))
            members.append(JSONValue.Member(name, try value(depth: depth + 1)))
        } while skip(UInt8(ascii: ","))
        try require(UInt8(ascii: "}"))
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONValue.Problem) -> JSONValue {
        offset += 1
        var values: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            values.append(try value(depth: depth + 1))
        } while skip(UInt8(ascii: ","))
        try require(UInt8(ascii: "]"))
        return .array(values)
    }

    private mutating func number() throws(JSONValue.Problem) -> JSONValue {
        let start = offset
        if next == UInt8(ascii: "-") { offset += 1 }
        if next == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    private mutating func digits() throws(JSONValue.Problem) {
        let start = offset
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
        guard offset > start else {
            throw next == nil ? .truncated : .unexpected(offset: offset)
        }
    }

    private mutating func string() throws(JSONValue.Problem) -> String {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        while true {
            guard let byte = next else { throw .truncated }
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw .unexpected(offset: start)
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw .unexpected(offset: offset)
            default:
                text.append(byte)
                offset += 1
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONValue.Problem) {
        offset += 1
        guard let byte = next else { throw .truncated }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += try String(unicodeEscape()).utf8
        default: throw .unexpected(offset: offset - 1)
        }
    }

    private mutating func unicodeEscape() throws(JSONValue.Problem) -> Character {
        let first = try fourHexDigits()
        var value = UInt32(first)
        if (0xD800..<0xDC00).contains(first) {
            try require(UInt8(ascii: "\\"))
            try require(UInt8(ascii: "u"))
            let second = try fourHexDigits()
            guard (0xDC00..<0xE000).contains(second) else { throw .unexpected(offset: offset) }
            value = 0x10000 + (UInt32(first - 0xD800) << 10) + UInt32(second - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw .unexpected(offset: offset) }
        return Character(scalar)
    }

    private mutating func fourHexDigits() throws(JSONValue.Problem) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw .truncated }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .unexpected(offset: offset)
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
