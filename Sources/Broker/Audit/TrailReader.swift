internal import Host
internal import OAuth
internal import Sodium

/// Reads a trail for people: pages of it, and where a token went.
///
/// What is read is not checked here.
struct TrailReader: Sendable {
    let files: TrailFiles

    /// The most bytes of one answer.
    static let pageByteCount = 1 << 20
    /// The most lines of one answer.
    static let mostLines = 1000

    /// The lines after a number, in the order in which they were written.
    func lines(after number: UInt64, limit: Int) throws(HostError) -> [TrailLine] {
        var lines: [TrailLine] = []
        var count = 0
        for file in try files.opened() {
            let end = try file.byteCount()
            guard let last = try Self.lastNumber(file, end), last > number else { continue }
            var offset = try Self.offset(file, end, after: number)
            while offset < end, lines.count < limit, count < Self.pageByteCount {
                let part = try file.read(at: offset, count: min(end - offset, 128 << 10))
                let (found, rest) = TrailLine.split(part)
                guard !found.isEmpty else { break }
                for line in found.compactMap({ TrailLine($0) })
                where line.number > number && lines.count < limit {
                    lines.append(line)
                    count += line.bytes.count
                }
                offset += part.count - rest.count
            }
        }
        return lines
    }

    private static func lastNumber(
        _ file: AppendOnlyFile, _ end: Int
    ) throws(HostError) -> UInt64? {
        let window = min(end, 2 * AuditEvent.longestLine)
        let tail = try file.read(at: end - window, count: window)
        return TrailLine.split(tail).lines.reversed().lazy.compactMap { TrailLine($0) }.first?
            .number
    }

    /// Where a line begins that is not after a number, but soon before one: by halving.
    private static func offset(
        _ file: AppendOnlyFile, _ end: Int, after number: UInt64
    ) throws(HostError) -> Int {
        var low = 0
        var high = end
        while high - low > 4 * AuditEvent.longestLine {
            let middle = (low + high) / 2
            let part = try file.read(at: middle, count: 2 * AuditEvent.longestLine)
            let (lines, _) = TrailLine.split(part)
            // The first one began before.
            guard let before = lines.first, let next = lines.dropFirst().first,
                let line = TrailLine(next)
            else { break }
            if line.number > number { high = middle } else { low = middle + before.count + 1 }
        }
        return low
    }

    /// The payouts of one token, by its hash: those after a number, in the order in which they were written.
    func payouts(
        of tokenHash: [UInt8], after number: UInt64 = 0, limit: Int = mostLines
    ) throws(HostError) -> [TrailLine] {
        let needle = Needle("\"token\":\"\(LineBuilder.hex(tokenHash))\"")
        var found: [TrailLine] = []
        var count = 0
        for file in try files.opened() {
            let end = try file.byteCount()
            guard let last = try Self.lastNumber(file, end), last > number else { continue }
            var rest: [UInt8] = []
            var offset = 0
            while offset < end {
                let part = try file.read(at: offset, count: min(1 << 20, end - offset))
                guard !part.isEmpty else { break }
                offset += part.count
                let bytes = rest + part
                for line in needle.lines(in: bytes).compactMap({ TrailLine($0) })
                where line.number > number {
                    guard found.count < limit, count < Self.pageByteCount else { return found }
                    found.append(line)
                    count += line.bytes.count
                }
                let whole = bytes.lastIndex(of: Needle.newline).map { $0 + 1 } ?? 0
                rest = Array(bytes[whole...].suffix(AuditEvent.longestLine))
            }
        }
        return found
    }
}

extension TrailLine {
    /// The line with the name of its credential put in at its end.
    func named(_ names: [[UInt8]: String]) -> [UInt8] {
        let member = Array("\"record\":\"".utf8)
        guard let start = bytes.firstRange(of: member)?.upperBound, start + 32 <= bytes.count,
            let id = Self.hex(bytes[start..<(start + 32)]), let name = names[id]
        else { return bytes }
        return bytes.dropLast() + ",\"name\":".utf8 + JSONValue.string(name).encoded()
            + [UInt8(ascii: "}")]
    }
}
