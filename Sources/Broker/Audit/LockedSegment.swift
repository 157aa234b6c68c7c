internal import Host
internal import OAuth
internal import Sodium

/// What happens while the vault is locked: a bounded file with a chain that anybody could make.
///
/// Unlocking takes its lines into the trail, marked, for nobody vouches for them.
struct LockedSegment {
    let files: TrailFiles
    private let limit: Int
    private let keys = TrailKeys()
    private var file: AppendOnlyFile?
    /// The file, once something was written.
    var written: AppendOnlyFile? { file }
    private var byteCount = 0
    private var name = ""
    private var number: UInt64 = 0
    private var head = [UInt8](repeating: 0, count: KeyedHash.byteCount)
    /// How many lines did not fit, or could not be written.
    private(set) var droppedCount: UInt64 = 0

    init(files: TrailFiles, limit: Int) {
        self.files = files
        self.limit = limit
    }

    /// Bytes that refusals may take: anybody can have those.
    private var refusalLimit: Int { limit / 4 * 3 }

    /// Writes one line, if it fits and can be written.
    mutating func append(_ event: AuditEvent, at time: String) {
        do throws(HostError) {
            guard try !write(event, at: time, event.kind == .refused ? refusalLimit : limit) else {
                return
            }
            droppedCount += 1
            // Each time that they have doubled: a crash must not forget how many they are.
            guard droppedCount & (droppedCount - 1) == 0 else { return }
            var dropped = AuditEvent(.dropped)
            dropped.count = droppedCount
            _ = try write(dropped, at: time, limit)
        } catch {
            droppedCount += 1
            file = nil
        }
    }

    /// - Returns: whether it fitted.
    private mutating func write(
        _ event: AuditEvent, at time: String, _ limit: Int
    ) throws(HostError) -> Bool {
        if file == nil { try open() }
        guard let file else { return false }
        var event = event
        event.segment = name
        let line = event.line(number + 1, at: time)
        guard byteCount + line.bytes.count + 80 <= limit else { return false }
        let hash = keys.hash(line.bytes, after: head)
        let bytes = line.finished(hash: hash)
        try file.append(bytes, after: byteCount)
        byteCount += bytes.count
        number += 1
        head = hash
        return true
    }

    /// Goes on with a segment that an earlier broker left.
    private mutating func open() throws(HostError) {
        try PrivateFiles.makeFolder(files.folder)
        let file = try AppendOnlyFile.appending(files.locked)
        let bytes = try file.read(at: 0, count: min(try file.byteCount(), 2 * limit))
        let (lines, rest) = TrailLine.split(bytes)
        if !rest.isEmpty { try file.truncate(to: bytes.count - rest.count) }
        byteCount = try file.byteCount()
        let last = lines.last.flatMap { TrailLine($0) }
        number = last?.number ?? UInt64(lines.count)
        head = last?.hash ?? [UInt8](repeating: 0, count: KeyedHash.byteCount)
        for line in lines where TrailLine.kind(of: line) == .dropped {
            let count = TrailLine(line)?.object?["count"]?.unsigned ?? 0
            droppedCount = max(droppedCount, min(count, Self.mostDropped))
        }
        name = last?.object?["segment"]?.text ?? LineBuilder.hex(.random(byteCount: 8))
        self.file = file
    }

    // What anybody could have written there is not believed without end.
    private static let mostDropped: UInt64 = 1 << 40

    /// The lines of a segment, to be taken into the trail.
    struct Contents {
        var events: [AuditEvent] = []
        /// Lines that are none of a segment, or do not follow on the one before.
        var strangeCount: UInt64 = 0
        /// How many more there were, as far as the segment says.
        var droppedCount: UInt64 = 0
    }

    /// Reads a segment; nil if there is none.
    static func read(_ files: TrailFiles, limit: Int) throws(HostError) -> Contents? {
        guard let bytes = try PrivateFiles.read(files.locked, limit: 2 * limit) else { return nil }
        let keys = TrailKeys()
        var contents = Contents()
        var head = [UInt8](repeating: 0, count: KeyedHash.byteCount)
        for line in TrailLine.split(bytes).lines {
            guard let line = TrailLine(line), let event = AuditEvent(whileLocked: line) else {
                contents.strangeCount += 1
                continue
            }
            if !keys.isGenuine(line, after: head) { contents.strangeCount += 1 }
            if event.kind == .dropped {
                let count = min(event.count ?? 0, mostDropped)
                contents.droppedCount = max(contents.droppedCount, count)
            } else {
                contents.events.append(event)
            }
            head = line.hash
        }
        return contents
    }
}

extension AuditEvent {
    /// What may happen while the vault is locked; a segment that says anything else was made up.
    private static let kindsWhileLocked: Set<Kind> = [
        .start, .stop, .lock, .refused, .wrongPassphrase, .dropped,
    ]

    /// Reads a line of a segment: every member of its kind, within its bounds.
    init?(whileLocked line: TrailLine) {
        guard let object = line.object,
            let kind = object["event"]?.text.flatMap(Kind.init(rawValue:)),
            Self.kindsWhileLocked.contains(kind), let time = object["time"]?.text,
            Self.isTime(time), let segment = object["segment"]?.text, segment.utf8.count <= 32
        else { return nil }
        self.init(kind)
        whileLocked = LockedPlace(time: time, segment: segment, number: line.number)
        if let uid = object["uid"]?.unsigned.flatMap({ UInt32(exactly: $0) }) {
            caller = Caller(
                uid: uid, gid: object["gid"]?.unsigned.flatMap { UInt32(exactly: $0) } ?? uid,
                groups: [], pid: object["pid"]?.unsigned.flatMap { Int32(exactly: $0) } ?? 0,
                unit: object["unit"]?.text, isContained: object["container"] == .bool(true),
                claimedCommand: object["claimed_command"]?.text)
        }
        reason = object["reason"]?.text
        count = object["count"]?.unsigned
    }

    private static func isTime(_ text: String) -> Bool {
        let pattern = Array("0000-00-00T00:00:00.000Z".utf8)
        let bytes = Array(text.utf8)
        return bytes.count == pattern.count
            && zip(bytes, pattern).allSatisfy { byte, expected in
                expected == 0x30 ? (0x30...0x39).contains(byte) : byte == expected
            }
    }
}
