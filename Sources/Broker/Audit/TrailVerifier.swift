internal import Host
internal import OAuth
internal import Sodium
internal import Vault

/// What a check of the whole trail found.
struct TrailReport: Equatable {
    /// One thing that is wrong.
    struct Finding: Equatable {
        enum Kind: String {
            case changed, missing, inserted, moved, unproved, cut, notALine, resumed
        }
        var kind: Kind
        /// The line, or the first of several.
        var line: UInt64
        var detail: String
    }

    var findings: [Finding] = []
    var lineCount: UInt64 = 0
    var firstNumber: UInt64 = 0
    var lastNumber: UInt64 = 0
    var checkpoint: UInt64 = 0

    var object: JSONValue {
        let proved = min(checkpoint, lastNumber)
        return .members([
            ("lines", .integer(Int64(clamping: lineCount))),
            ("first", .integer(Int64(clamping: firstNumber))),
            ("last", .integer(Int64(clamping: lastNumber))),
            ("checkpoint", .integer(Int64(clamping: checkpoint))),
            ("after_checkpoint", .integer(Int64(clamping: lastNumber - proved))),
            (
                "findings",
                .array(
                    findings.map {
                        .members([
                            ("kind", .string($0.kind.rawValue)),
                            ("line", .integer(Int64(clamping: $0.line))),
                            ("detail", .string($0.detail)),
                        ])
                    })
            ),
        ])
    }
}

/// Recomputes the chain of a whole trail: AuditTrail.md, "Verifying".
struct TrailVerifier {
    let files: TrailFiles
    let keys: TrailKeys
    let checkpoint: TrailPoint

    /// A file is read whole; one that is longer than any that the broker writes is read so far.
    private static let longestFile = 16 << 20

    /// One line, and what is known of it.
    private struct Entry {
        let line: TrailLine
        /// Whether its hash follows on the line before, by number.
        var isGenuine = false
        /// The hash that it should have, where its own is wrong but what it says may be right.
        var rightHash: [UInt8]?
    }

    private var report = TrailReport()
    /// The last genuine line of the files before.
    private var end = TrailPoint.start
    private var keptFrom: UInt64?
    private var checkpointHash: [UInt8]?
    private var highest: UInt64 = 0
    /// The last line that is there, genuine or not.
    private var reached: UInt64 = 0

    init(files: TrailFiles, keys: TrailKeys, checkpoint: TrailPoint) {
        self.files = files
        self.keys = keys
        self.checkpoint = checkpoint
    }

    /// Checks every line.
    ///
    /// - Throws: ``HostError`` for a file that can't be read.
    consuming func verify() throws(HostError) -> TrailReport {
        report.checkpoint = checkpoint.length
        for file in try files.opened() {
            let bytes = try file.read(
                at: 0, count: min(try file.byteCount(), Self.longestFile))
            check(bytes, file.path)
        }
        checkStart()
        checkCheckpoint()
        report.lastNumber = reached
        report.findings.sort { ($0.line, $0.kind.rawValue) < ($1.line, $1.kind.rawValue) }
        return report
    }

    private mutating func find(_ kind: TrailReport.Finding.Kind, _ line: UInt64, _ detail: String) {
        // Whoever writes nonsense into the file must not make the answer endless.
        guard report.findings.count < 1000 else { return }
        report.findings.append(.init(kind: kind, line: line, detail: detail))
    }

    private mutating func check(_ bytes: [UInt8], _ path: String) {
        let (raw, rest) = TrailLine.split(bytes)
        var entries: [Entry] = []
        let name = path.split(separator: "/").last.map(String.init) ?? path
        for (index, bytes) in raw.enumerated() {
            if let line = TrailLine(bytes) {
                entries.append(Entry(line: line))
            } else {
                find(
                    .notALine, entries.last?.line.number ?? end.length,
                    "text \(index + 1) of \(name) is no line of the trail")
            }
        }
        // The file that is written has its last line whole, or a line is being written just now.
        if !rest.isEmpty, path != files.current {
            find(.notALine, entries.last?.line.number ?? end.length, "\(name) ends within a line")
        }
        report.lineCount += UInt64(entries.count)
        prove(&entries)
        judge(entries)
    }

    /// Finds the genuine lines: those whose hash follows on that of the line before, by number.
    private mutating func prove(_ entries: inout [Entry]) {
        var byNumber: [UInt64: [Int]] = [:]
        for (index, entry) in entries.enumerated() {
            byNumber[entry.line.number, default: []].append(index)
        }
        let ordered = entries.indices.sorted {
            (entries[$0].line.number, $0) < (entries[$1].line.number, $1)
        }
        for index in ordered {
            let line = entries[index].line
            let header = index == 0 ? Self.header(line) : nil
            var hashes: [[UInt8]] = []
            if let header, header.isResumed || end.length + 1 != line.number {
                hashes = [header.previous]
            } else if end.length + 1 == line.number {
                hashes = [end.head]
            }
            for before in byNumber[line.number - 1] ?? [] {
                hashes.append(entries[before].line.hash)
                if let right = entries[before].rightHash { hashes.append(right) }
            }
            entries[index].isGenuine = hashes.contains { keys.isGenuine(line, after: $0) }
            if !entries[index].isGenuine, let before = hashes.first {
                entries[index].rightHash = keys.hash(line.body, after: before)
            }
        }
    }

    private static func header(
        _ line: TrailLine
    ) -> (previous: [UInt8], keptFrom: UInt64, isResumed: Bool)? {
        guard let object = line.object, let keptFrom = object["kept_from"]?.unsigned,
            let previous = object["previous"]?.text.flatMap({ TrailLine.hex(Array($0.utf8)[...]) })
        else { return nil }
        return (previous, keptFrom, object["event"]?.text == AuditEvent.Kind.resumed.rawValue)
    }

    /// Says what is wrong with the lines of one file.
    private mutating func judge(_ entries: [Entry]) {
        let genuine = Set(entries.filter(\.isGenuine).map(\.line.number))
        var seen: Set<UInt64> = []
        var written = genuine
        for (index, entry) in entries.enumerated() {
            let number = entry.line.number
            guard entry.isGenuine else {
                judgeStrange(entry, genuine)
                written.insert(number)
                continue
            }
            guard seen.insert(number).inserted else {
                find(.inserted, number, "line \(number) is there more than once")
                continue
            }
            if number < highest { find(.moved, number, "line \(number) is not in its place") }
            highest = max(highest, number)
            if index == 0 { note(header: entry.line) }
            if number == checkpoint.length { checkpointHash = entry.line.hash }
            if number > end.length {
                end = TrailPoint(length: number, head: entry.line.hash)
            }
        }
        checkGaps(written.sorted(), most: max(genuine.max() ?? 0, checkpoint.length))
    }

    private mutating func note(header line: TrailLine) {
        guard let header = Self.header(line) else { return }
        keptFrom = header.keptFrom
        guard header.isResumed else { return }
        find(
            .resumed, line.number,
            "the trail was begun anew with line \(line.number): what was before it was missing or changed"
        )
    }

    private mutating func judgeStrange(_ entry: Entry, _ genuine: Set<UInt64>) {
        let number = entry.line.number
        if genuine.contains(number) {
            find(.inserted, number, "a second line \(number) was put in")
        } else if entry.rightHash == nil {
            find(.unproved, number, "line \(number) can't be proved without the line before")
        } else {
            find(.changed, number, "line \(number) was changed")
        }
    }

    /// Finds numbers that no line has; what strange lines say of their own counts up to the genuine ones, and
    /// where they go on without a gap.
    private mutating func checkGaps(_ written: [UInt64], most: UInt64) {
        for number in written {
            if report.firstNumber == 0, number <= most {
                report.firstNumber = number
                reached = max(reached, number - 1)
            }
            guard number <= most || number == reached + 1 else { continue }
            if number > reached + 1 { findMissing(reached + 1, number - 1) }
            reached = max(reached, number)
        }
    }

    private mutating func findMissing(_ first: UInt64, _ last: UInt64) {
        find(
            .missing, first,
            first == last
                ? "line \(first) is missing" : "lines \(first) to \(last) are missing")
    }

    /// The first line that is there is the first that is said to be kept.
    private mutating func checkStart() {
        guard report.firstNumber > 0 else { return }
        let kept = keptFrom ?? 1
        if report.firstNumber > kept { findMissing(kept, report.firstNumber - 1) }
    }

    /// The trail reaches the checkpoint, and has there what the vault has sealed.
    private mutating func checkCheckpoint() {
        guard checkpoint.length > 0 else { return }
        if reached < checkpoint.length {
            find(
                .cut, reached + 1,
                "the trail ends with line \(reached); the vault has sealed \(checkpoint.length)")
        } else if let checkpointHash, checkpointHash != checkpoint.head {
            find(
                .changed, checkpoint.length,
                "line \(checkpoint.length) is not the one that the vault has sealed")
        }
    }
}
