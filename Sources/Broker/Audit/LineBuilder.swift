/// Builds one JSON object of one line: ASCII, every text escaped and bounded.
struct LineBuilder {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

    private static let hexDigits = Array("0123456789abcdef".utf8)

    init() {
        bytes.reserveCapacity(512)
    }

    /// Begins another line as a copy of one that outlives its file.
    init(carrying line: TrailLine, as number: UInt64) {
        bytes += "\"seq\":\(number)".utf8
        bytes += line.members
        if line.carriedFrom == nil { add("carried_from", line.number) }
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes += name.utf8
        bytes += "\":".utf8
    }

    mutating func add(_ name: String, _ value: UInt64) {
        begin(name)
        bytes += String(value).utf8
    }

    mutating func add(_ name: String, _ value: Bool) {
        begin(name)
        bytes += (value ? "true" : "false").utf8
    }

    mutating func add(_ name: String, hex value: [UInt8]) {
        begin(name)
        bytes.append(UInt8(ascii: "\""))
        Self.append(hex: value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds a text of at most `limit` bytes, escapes included; one that is longer ends with U+2026.
    mutating func add(_ name: String, _ text: String, limit: Int) {
        begin(name)
        append(text, limit: limit)
    }

    /// Adds several texts, together of at most `limit` bytes; what is beyond stands as U+2026.
    mutating func add(_ name: String, _ texts: [String], limit: Int) {
        begin(name)
        bytes.append(UInt8(ascii: "["))
        let end = bytes.count + limit
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(text, limit: max(0, end - bytes.count))
            if bytes.count >= end { break }
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func append(_ text: String, limit: Int) {
        bytes.append(UInt8(ascii: "\""))
        let end = bytes.count + limit
        for scalar in text.unicodeScalars {
            let start = bytes.count
            append(scalar)
            guard bytes.count <= end else {
                bytes.removeSubrange(start...)
                bytes += "\\u2026".utf8
                break
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22, 0x5C: bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
        case 0x20..<0x7F: bytes.append(UInt8(scalar.value))
        default: for unit in scalar.utf16 { appendEscape(unit) }
        }
    }

    private mutating func appendEscape(_ unit: UInt16) {
        bytes += "\\u".utf8
        for shift in [12, 8, 4, 0] { bytes.append(Self.hexDigits[Int(unit >> shift) & 15]) }
    }

    /// Ends the line: its hash, the brace, the line end.
    func finished(hash: [UInt8]) -> [UInt8] {
        var line = bytes
        line += TrailLine.hashMember
        Self.append(hex: hash, to: &line)
        line += "\"}\n".utf8
        return line
    }

    private static func append(hex value: [UInt8], to bytes: inout [UInt8]) {
        for byte in value {
            bytes.append(hexDigits[Int(byte >> 4)])
            bytes.append(hexDigits[Int(byte & 15)])
        }
    }

    /// Bytes as lower-case hexadecimal digits.
    static func hex(_ value: [UInt8]) -> String {
        var bytes: [UInt8] = []
        append(hex: value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension AuditEvent {
    /// The most bytes of a line, its end included: the limits below, with room for what has none.
    static let longestLine = 8192

    /// The event as a line that is not finished yet.
    ///
    /// - Parameters:
    ///   - number: its sequence number.
    ///   - time: when it is written, RFC 3339.
    /// - Returns: the line.
    func line(_ number: UInt64, at time: String) -> LineBuilder {
        var line = LineBuilder()
        line.add("seq", number)
        line.add("time", whileLocked?.time ?? time, limit: 32)
        line.add("event", kind.rawValue, limit: 32)
        if let segment { line.add("segment", segment, limit: 32) }
        if let whileLocked {
            line.add("while_locked", true)
            line.add("segment", whileLocked.segment, limit: 32)
            line.add("segment_line", whileLocked.number)
        }
        if let caller { Self.add(caller, to: &line) }
        if caller == nil && isOfContained { line.add("container", true) }
        if let record { line.add("record", hex: Array(record.prefix(16))) }
        if let revision { line.add("revision", revision) }
        if !scopes.isEmpty { line.add("scopes", scopes, limit: 2048) }
        if let audience { line.add("audience", audience, limit: 512) }
        if !resources.isEmpty { line.add("resources", resources, limit: 2048) }
        if let rule { line.add("rule", rule, limit: 512) }
        if let tokenHash { line.add("token", hex: Array(tokenHash.prefix(32))) }
        if let expiresAt { line.add("expires_at", rfc3339Milliseconds(expiresAt), limit: 32) }
        if let reason { line.add("reason", reason, limit: 128) }
        if let count { line.add("count", count) }
        if let keptFrom { line.add("kept_from", keptFrom) }
        if let previous { line.add("previous", hex: Array(previous.prefix(32))) }
        return line
    }

    private static func add(_ caller: Caller, to line: inout LineBuilder) {
        line.add("uid", UInt64(caller.uid))
        line.add("gid", UInt64(caller.gid))
        line.add("pid", UInt64(max(caller.pid, 0)))
        if let unit = caller.unit { line.add("unit", unit, limit: 512) }
        if caller.isContained { line.add("container", true) }
        if let command = caller.claimedCommand {
            line.add("claimed_command", command, limit: 128)
        }
    }
}

/// A point in time as RFC 3339 writes it, in UTC, with milliseconds: `2026-11-24T12:00:00.123Z`.
///
/// By arithmetic alone: it is on the way to every token.
func rfc3339Milliseconds(_ secondsSince1970: Double) -> String {
    let limit = 253_402_300_799.0
    let total = Int64((min(max(secondsSince1970, 0), limit) * 1000).rounded(.down))
    let (days, rest) = (total / 86_400_000, total % 86_400_000)
    // Years that begin in March, counted from year 0: the leap day is a year's last one.
    let day = days + 719_468
    let era = day / 146_097
    let dayOfEra = day % 146_097
    let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
    let isNextYear = month >= 10
    var text: [UInt8] = []
    text.reserveCapacity(24)
    func append(_ value: Int64, _ digits: Int, _ end: Unicode.Scalar) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(0x30 + value / divisor % 10))
            divisor /= 10
        }
        text.append(UInt8(ascii: end))
    }
    append(year + era * 400 + (isNextYear ? 1 : 0), 4, "-")
    append(month + (isNextYear ? -9 : 3), 2, "-")
    append(dayOfMonth, 2, "T")
    append(rest / 3_600_000, 2, ":")
    append(rest / 60_000 % 60, 2, ":")
    append(rest / 1000 % 60, 2, ".")
    append(rest % 1000, 3, "Z")
    return String(decoding: text, as: UTF8.self)
}
