internal import OAuth
internal import Sodium

/// One line of a trail as it was read: its number, what it says, the hash that it states.
struct TrailLine: Equatable {
    /// The whole line, without its end.
    let bytes: [UInt8]
    let number: UInt64
    /// The hash that it states, 32 bytes; whether it is right, ``TrailKeys`` says.
    let hash: [UInt8]

    static let hashMember = Array(",\"hash\":\"".utf8)
    private static let start = Array("{\"seq\":".utf8)
    private static let tailCount = hashMember.count + 64 + 2

    /// Reads a line without its end; nil for what is none.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= AuditEvent.longestLine,
            bytes.count > Self.start.count + Self.tailCount,
            bytes.starts(with: Self.start)
        else { return nil }
        var number: UInt64 = 0
        var index = Self.start.count
        while (0x30...0x39).contains(bytes[index]), index < Self.start.count + 19 {
            number = number * 10 + UInt64(bytes[index] - 0x30)
            index += 1
        }
        guard index > Self.start.count, bytes[index] == UInt8(ascii: ","), number > 0 else {
            return nil
        }
        let tail = bytes.count - Self.tailCount
        guard tail >= index, bytes[tail...].starts(with: Self.hashMember),
            bytes.suffix(2) == [UInt8(ascii: "\""), UInt8(ascii: "}")],
            let hash = Self.hex(bytes[(tail + Self.hashMember.count)..<(bytes.count - 2)])
        else { return nil }
        self.bytes = bytes
        self.number = number
        self.hash = hash
    }

    /// What the hash is over: the line up to its last member.
    var body: [UInt8] { Array(bytes[..<(bytes.count - Self.tailCount)]) }

    /// What happened, by the line's first bytes.
    static func kind(of bytes: [UInt8]) -> AuditEvent.Kind? {
        let quote = UInt8(ascii: "\"")
        guard let time = bytes.firstIndex(of: UInt8(ascii: ",")).map({ $0 + timeMember.count }),
            time < bytes.count, bytes[..<time].suffix(timeMember.count).elementsEqual(timeMember),
            let timeEnd = bytes[time...].firstIndex(of: quote).map({ $0 + 1 }),
            bytes[timeEnd...].starts(with: eventMember)
        else { return nil }
        let start = timeEnd + eventMember.count
        guard let end = bytes[start...].firstIndex(of: quote) else { return nil }
        return AuditEvent.Kind(rawValue: String(decoding: bytes[start..<end], as: UTF8.self))
    }

    private static let timeMember = Array(",\"time\":\"".utf8)
    private static let eventMember = Array(",\"event\":\"".utf8)

    /// The number that the line had in the file that it was carried over from; nil for any other line.
    var carriedFrom: UInt64? {
        // A number at the very end: no text can look like that.
        guard let colon = body.lastIndex(of: UInt8(ascii: ":")),
            body[...colon].suffix(Self.carriedMember.count).elementsEqual(Self.carriedMember)
        else { return nil }
        return UInt64(String(decoding: body[(colon + 1)...], as: UTF8.self))
    }

    /// The number that it had where it was first written.
    var origin: UInt64 { carriedFrom ?? number }

    /// What a copy has of it: all between its number and its hash that is not about its file.
    var members: ArraySlice<UInt8> {
        let body = body
        guard let start = body.firstIndex(of: UInt8(ascii: ",")) else { return [] }
        let file = Array(",\"kept_from\":".utf8)
        return body[start..<(body.firstRange(of: file)?.lowerBound ?? body.endIndex)]
    }

    /// Where the line stood in a segment, if it was taken in from one; without its time.
    var lockedPlace: AuditEvent.LockedPlace? {
        guard let object, object["while_locked"] == .bool(true),
            let segment = object["segment"]?.text, let number = object["segment_line"]?.unsigned
        else { return nil }
        return AuditEvent.LockedPlace(time: "", segment: segment, number: number)
    }

    private static let carriedMember = Array(",\"carried_from\":".utf8)

    /// The members; nil if the line is no JSON object.
    var object: JSONValue? {
        guard let value = try? JSONValue(parsing: bytes.span), case .object = value else {
            return nil
        }
        return value
    }

    /// The bytes of lower-case hexadecimal digits.
    static func hex(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        var index = digits.startIndex
        while index < digits.endIndex {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    /// The lines of a file's bytes, without their ends, and what is left after the last end.
    static func split(_ bytes: [UInt8]) -> (lines: [[UInt8]], rest: [UInt8]) {
        var lines: [[UInt8]] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Array(bytes[start..<end]))
            start = end + 1
        }
        return (lines, Array(bytes[start...]))
    }
}

extension JSONValue {
    /// An unsigned integer.
    var unsigned: UInt64? {
        if case .number(let text) = self { UInt64(text) } else { nil }
    }
}
