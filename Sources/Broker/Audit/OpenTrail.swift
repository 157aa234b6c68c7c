internal import Host
internal import OAuth
internal import Vault

/// The trail of an unlocked vault: its current file, and what the next line follows on.
///
/// Everything here blocks, for microseconds; only opening and a full file take longer.
struct OpenTrail {
    let files: TrailFiles
    let keys: TrailKeys
    let limits: TrailLimits
    /// What the vault had sealed when it was unlocked.
    let checkpoint: TrailPoint
    /// The last line.
    private(set) var point = TrailPoint.start
    /// The file that is written; nil before it could be opened.
    private(set) var file: AppendOnlyFile?
    private var byteCount = 0
    private var firstNumber: UInt64 = 0
    private(set) var keptFrom: UInt64 = 1
    /// Bytes of refusals in the current file.
    private var refusalByteCount = 0
    /// Whether a file was begun since the last checkpoint.
    var needsCheckpoint = false
    /// What was found wrong at opening, in words.
    private(set) var finding: String?
    /// The last line that is known to be on disk.
    var synced: UInt64 = 0
    /// Whether what was written while the vault was locked is still to be taken in.
    private var hasSegment = true
    private let droppedCount: UInt64
    /// Where the last line stood in a segment, if it is of one: there a crash interrupted taking it in.
    private var lastPlace: AuditEvent.LockedPlace?

    /// A trail that is not open yet.
    ///
    /// - Parameters:
    ///   - files: where it is.
    ///   - keys: what chains it.
    ///   - limits: what its files are bounded to.
    ///   - checkpoint: what the vault has sealed of it.
    ///   - droppedCount: how many lines were dropped while the vault was locked.
    init(
        files: TrailFiles, keys: TrailKeys, limits: TrailLimits, checkpoint: TrailPoint,
        droppedCount: UInt64 = 0
    ) {
        self.files = files
        self.keys = keys
        self.limits = limits
        self.checkpoint = checkpoint
        self.droppedCount = droppedCount
    }

    /// Writes one line.
    ///
    /// - Parameters:
    ///   - event: what it says.
    ///   - time: when, RFC 3339.
    ///   - isRefusal: whether it has to fit in the part of the file that refusals have.
    /// - Returns: false for a refusal that is beyond that part, and was not written.
    /// - Throws: ``HostError``; nothing of the line is in the file then.
    mutating func append(
        _ event: AuditEvent, at time: String, isRefusal: Bool = false
    ) throws(HostError) -> Bool {
        try makeReady(at: time)
        let line = event.line(point.length + 1, at: time)
        let count = line.bytes.count + Self.endByteCount
        if isRefusal, refusalByteCount + count > limits.refusalByteCount { return false }
        try place(line, of: event, at: time)
        if isRefusal { refusalByteCount += count }
        return true
    }

    /// What a line's hash and end take.
    static let endByteCount = 80

    /// Writes one line, in another file if it does not fit in this one.
    private mutating func place(_ event: AuditEvent, at time: String) throws(HostError) {
        try place(event.line(point.length + 1, at: time), of: event, at: time)
    }

    private mutating func place(
        _ line: LineBuilder, of event: AuditEvent, at time: String
    ) throws(HostError) {
        guard byteCount + line.bytes.count + Self.endByteCount > limits.fileByteCount else {
            return try write(line)
        }
        try beginNext(at: time)
        try write(event.line(point.length + 1, at: time))
    }

    private mutating func write(_ line: LineBuilder) throws(HostError) {
        guard let file else { throw .unsafe(path: files.current, .changed) }
        let hash = keys.hash(line.bytes, after: point.head)
        let bytes = line.finished(hash: hash)
        do throws(HostError) {
            try file.append(bytes, after: byteCount)
        } catch {
            // A part of it that could not be taken back is a torn line.
            if case .system = error, (try? file.byteCount()) != byteCount { self.file = nil }
            throw error
        }
        byteCount += bytes.count
        point = TrailPoint(length: point.length + 1, head: hash)
    }

    /// Forgets the open file, so that the next line opens it anew: what was written may not be on disk.
    mutating func reopen() {
        file = nil
    }

    /// Opens the current file if it is not open, and begins it if it is empty.
    mutating func makeReady(at time: String) throws(HostError) {
        if file == nil { try open(at: time) }
        if hasSegment { try takeIn(at: time) }
    }

    /// Takes in what was written while the vault was locked, before anything else is written.
    private mutating func takeIn(at time: String) throws(HostError) {
        let contents: LockedSegment.Contents
        do throws(HostError) {
            contents = try LockedSegment.read(files, limit: limits.lockedByteCount) ?? .init()
        } catch {
            // What is there is no file of the broker's.
            PrivateFiles.rename(files.locked, to: files.damaged)
            contents = .init(events: [], strangeCount: 1)
        }
        for event in contents.events {
            if let done = lastPlace, let place = event.whileLocked, place.segment == done.segment,
                place.number <= done.number
            {
                continue
            }
            try place(event, at: time)
            lastPlace = event.whileLocked ?? lastPlace
        }
        if contents.strangeCount + droppedCount > 0 {
            var event = AuditEvent(.dropped, reason: "while_locked")
            event.count = contents.strangeCount + droppedCount
            event.whileLocked = contents.events.last?.whileLocked
            try place(event, at: time)
        }
        if !contents.events.isEmpty || contents.strangeCount > 0 {
            try file?.sync()
            PrivateFiles.remove(files.locked)
        }
        hasSegment = false
    }

    private mutating func open(at time: String) throws(HostError) {
        try PrivateFiles.makeFolder(files.folder)
        let file = try AppendOnlyFile.appending(files.current)
        let torn = try putTornAside(file)
        let byteCount = try file.byteCount()
        if byteCount > 0 {
            if let ends = try TrailEnds(file, byteCount, keys), follows(ends.last) {
                take(ends)
                self.file = file
            } else {
                finding = "the audit trail's end is not as the broker left it"
                let next = try unfit(file, byteCount)
                try begin(.resumed, reason: "damaged", after: next, at: time)
            }
        } else {
            try beginEmpty(at: time)
        }
        if torn > 0 {
            var event = AuditEvent(.torn)
            event.count = UInt64(torn)
            try write(event.line(point.length + 1, at: time))
        }
        removeOld()
    }

    /// Whether a last line is at the checkpoint, or beyond it.
    private func follows(_ last: TrailLine) -> Bool {
        last.number > checkpoint.length
            || (last.number == checkpoint.length && last.hash == checkpoint.head)
    }

    private mutating func take(_ ends: TrailEnds) {
        byteCount = ends.byteCount
        firstNumber = ends.header.number
        keptFrom = ends.keptFrom
        point = TrailPoint(length: ends.last.number, head: ends.last.hash)
        lastPlace = ends.last.object.flatMap { object in
            guard object["while_locked"] == .bool(true), let segment = object["segment"]?.text,
                let number = object["segment_line"]?.unsigned
            else { return nil }
            return AuditEvent.LockedPlace(time: "", segment: segment, number: number)
        }
    }

    /// Keeps what a crash left of a last line in a file of its own, and takes it off.
    private func putTornAside(_ file: AppendOnlyFile) throws(HostError) -> Int {
        let byteCount = try file.byteCount()
        let torn = try TrailEnds.tornBytes(file, byteCount)
        // More than a line is no torn line.
        guard !torn.isEmpty, torn.count < AuditEvent.longestLine else { return 0 }
        if let aside = try? AppendOnlyFile.appending(files.torn),
            let count = try? aside.byteCount(), count + torn.count < 64 << 10
        {
            try? aside.append(torn + [UInt8(ascii: "\n")], after: count)
        }
        try file.truncate(to: byteCount - torn.count)
        return torn.count
    }

    /// Puts a file aside that does not fit, under the name that a full one would have.
    ///
    /// - Returns: the number that the next line has to be above.
    private func unfit(_ file: AppendOnlyFile, _ byteCount: Int) throws(HostError) -> UInt64 {
        let header = try TrailEnds.header(file, keys)?.line.number
        let window = min(byteCount, 2 * AuditEvent.longestLine)
        let tail = try file.read(at: byteCount - window, count: window)
        let last = TrailLine.split(tail).lines.compactMap { TrailLine($0) }.map(\.number).max()
        if let header, !PrivateFiles.exists(files.full(from: header)) {
            PrivateFiles.rename(files.current, to: files.full(from: header))
        } else {
            PrivateFiles.rename(files.current, to: files.damaged)
        }
        // What it says of itself counts only so far.
        return min(max(last ?? 0, checkpoint.length), checkpoint.length + 10_000_000)
    }

    /// Begins a file where there is none, or an empty one.
    private mutating func beginEmpty(at time: String) throws(HostError) {
        let newest = files.fullNumbers.last.map(files.full)
        if let newest, let full = try AppendOnlyFile.reading(newest),
            let ends = try TrailEnds(full, try full.byteCount(), keys), follows(ends.last)
        {
            take(ends)
            try begin(.continued, after: point.length, at: time)
        } else if newest == nil, checkpoint.length == 0 {
            try begin(.begun, after: 0, at: time)
        } else {
            finding = "the audit trail ends before its last checkpoint"
            let above = newest == nil ? 0 : files.fullNumbers.last ?? 0
            let last = min(max(above, checkpoint.length), checkpoint.length + 10_000_000)
            try begin(.resumed, reason: "missing", after: last, at: time)
        }
    }

    /// Writes the first line of a file: the rest of it is worth nothing without.
    private mutating func begin(
        _ kind: AuditEvent.Kind, reason: String? = nil, after number: UInt64, at time: String
    ) throws(HostError) {
        let fresh = try AppendOnlyFile.appending(files.current)
        guard try fresh.byteCount() == 0 else { throw .unsafe(path: files.current, .changed) }
        let head = kind == .continued ? point.head : checkpoint.head
        let kept = kind == .resumed ? oldestKept ?? number + 1 : try nextKeptFrom(number + 1)
        file = fresh
        byteCount = 0
        firstNumber = number + 1
        refusalByteCount = 0
        needsCheckpoint = true
        point = TrailPoint(length: number, head: head)
        var event = AuditEvent(kind, reason: reason)
        event.keptFrom = kept
        event.previous = head
        do throws(HostError) {
            try write(event.line(point.length + 1, at: time))
        } catch {
            file = nil
            throw error
        }
        keptFrom = kept
    }

    /// Puts a full file aside and begins the next one.
    private mutating func beginNext(at time: String) throws(HostError) {
        guard let full = file else { return }
        try full.requireInPlace(byteCount: byteCount)
        try full.sync()
        file = nil
        try PrivateFiles.moveIntoPlace(files.current, files.full(from: firstNumber))
        try begin(.continued, after: point.length, at: time)
        removeOld()
    }

    /// What is the first kept line once another file begins: the oldest files go when there are too many.
    ///
    /// Only files that begin with a line of the trail count: nobody can push others out with files of his own.
    private func nextKeptFrom(_ number: UInt64) throws(HostError) -> UInt64 {
        let genuine = try genuineNumbers()
        let excess = genuine.count + 1 - limits.fileCount
        guard excess > 0 else { return number == 1 ? 1 : keptFrom }
        return max(keptFrom, excess < genuine.count ? genuine[excess] : number)
    }

    private var oldestKept: UInt64? { (try? genuineNumbers())?.first }

    private func genuineNumbers() throws(HostError) -> [UInt64] {
        var numbers: [UInt64] = []
        for number in files.fullNumbers {
            guard let file = try? AppendOnlyFile.reading(files.full(from: number)),
                let header = try TrailEnds.header(file, keys), header.line.number == number
            else { continue }
            numbers.append(number)
        }
        return numbers
    }

    private func removeOld() {
        for number in files.fullNumbers where number < keptFrom {
            PrivateFiles.remove(files.full(from: number))
        }
    }
}
