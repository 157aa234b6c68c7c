internal import Host
internal import OAuth

/// The files of one vault's audit trail.
struct TrailFiles: Sendable, Equatable {
    let folder: String
    private let name: String

    init(folder: String, vaultID: [UInt8]) {
        self.folder = folder
        name = LineBuilder.hex(vaultID) + ".audit"
    }

    /// The one that is written.
    var current: String { folder + "/" + name }
    /// What is written while the vault is locked.
    var locked: String { current + ".locked" }
    /// Last lines that crashes left torn.
    var torn: String { current + ".torn" }
    /// A file that did not fit what was known of it, the newest such.
    var damaged: String { current + ".damaged" }

    /// A file that was full, by the number of its first line.
    func full(from number: UInt64) -> String { current + ".\(number)" }

    /// The numbers of the full ones' first lines, as their names say, in order.
    var fullNumbers: [UInt64] {
        PrivateFiles.list(folder).compactMap { entry in
            guard entry.hasPrefix(name + ".") else { return nil }
            let digits = entry.dropFirst(name.utf8.count + 1)
            guard let number = UInt64(digits), String(number) == digits else { return nil }
            return number
        }.sorted()
    }

    /// All files of the trail, in the order in which they were written.
    var all: [String] { fullNumbers.map(full) + [current] }

    /// The same, open: also where the broker begins another one just now.
    func opened() throws(HostError) -> [AppendOnlyFile] {
        for _ in 0..<10 {
            let numbers = fullNumbers
            var files: [AppendOnlyFile] = []
            for path in numbers.map(full) + [current] {
                if let file = try AppendOnlyFile.reading(path) { files.append(file) }
            }
            if numbers == fullNumbers { return files }
        }
        throw .timedOut(operation: "read \(folder)")
    }
}

/// What a trail's files are bounded to.
package struct TrailLimits: Sendable {
    /// Bytes of one file; the next line goes to a new one.
    package var fileByteCount = 8 << 20
    /// Files that are kept, the current one with them.
    package var fileCount = 8
    /// Bytes of the segment that is written while the vault is locked.
    package var lockedByteCount = 256 << 10
    /// Lines after which a checkpoint is due.
    package var linesUntilCheckpoint: UInt64 = 1000
    /// Time after which one is due if there are new lines.
    package var timeUntilCheckpoint = Duration.seconds(600)

    /// Of each file, as much is for refusals at their usual pace.
    var refusalByteCount: Int { fileByteCount / 4 }
    /// That pace, in bytes a minute; one user has an eighth of it.
    var refusalPace: Int { fileByteCount / 128 }
    /// The pace for the rest of a file whose part is used up.
    var slowRefusalPace: Int { fileByteCount / 2048 }
    /// Of a new file, as much is for lines that outlive the file they were in.
    var carriedByteCount: Int { fileByteCount / 4 }

    /// What a user's own broker keeps: 64 MiB.
    package init() {}

    /// What a machine's broker keeps: 512 MiB.
    package static var machine: TrailLimits {
        var limits = TrailLimits()
        limits.fileCount = 64
        return limits
    }
}

/// The ends of a file of the trail, each line checked with the one before.
struct TrailEnds {
    var header: TrailLine
    var keptFrom: UInt64
    var last: TrailLine
    /// Bytes of whole lines.
    var byteCount: Int

    /// What follows the last line's end: a line that a crash left torn.
    static func tornBytes(_ file: AppendOnlyFile, _ byteCount: Int) throws(HostError) -> [UInt8] {
        let window = min(byteCount, AuditEvent.longestLine)
        let tail = try file.read(at: byteCount - window, count: window)
        guard let end = tail.lastIndex(of: UInt8(ascii: "\n")) else { return tail }
        return Array(tail[(end + 1)...])
    }

    /// Reads the first line of a file and its last; nil where they are not genuine.
    init?(_ file: AppendOnlyFile, _ byteCount: Int, _ keys: TrailKeys) throws(HostError) {
        guard let (header, keptFrom, previous) = try Self.header(file, keys) else { return nil }
        let window = min(byteCount, 2 * AuditEvent.longestLine + 1)
        let tail = try file.read(at: byteCount - window, count: window)
        let lines = TrailLine.split(tail).lines
        guard let bytes = lines.last, let last = TrailLine(bytes) else { return nil }
        if last != header {
            guard let before = lines.dropLast().last.flatMap({ TrailLine($0) }),
                keys.isGenuine(last, after: before.hash)
            else { return nil }
        } else if !keys.isGenuine(last, after: previous) {
            return nil
        }
        self.header = header
        self.keptFrom = keptFrom
        self.last = last
        self.byteCount = byteCount
    }

    /// The first line of a file, what it says is kept, and what it follows on; nil if it is not genuine.
    static func header(
        _ file: AppendOnlyFile, _ keys: TrailKeys
    ) throws(HostError) -> (line: TrailLine, keptFrom: UInt64, previous: [UInt8])? {
        let start = try file.read(at: 0, count: AuditEvent.longestLine + 1)
        guard let end = start.firstIndex(of: UInt8(ascii: "\n")),
            let line = TrailLine(Array(start[..<end])), let object = line.object,
            let keptFrom = object["kept_from"]?.unsigned,
            let previous = object["previous"]?.text.flatMap({ TrailLine.hex(Array($0.utf8)[...]) }),
            keys.isGenuine(line, after: previous)
        else { return nil }
        return (line, keptFrom, previous)
    }
}
