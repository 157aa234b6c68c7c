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
    /// What is in the current file.
    private var content = TrailContent()
    /// Whether files are there that are no longer kept.
    private var hasOld = false
    // Later than that the checkpoint is no longer the vault's last.
    private var isFirstOpening = true
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
    /// - Returns: how many bytes it has.
    /// - Throws: ``HostError``; nothing of the line is in the file then.
    @discardableResult
    mutating func append(_ event: AuditEvent, at time: String) throws(HostError) -> Int {
        try makeReady(at: time)
        let line = event.line(point.length + 1, at: time)
        let count = line.bytes.count + Self.endByteCount
        try place(line, of: event, at: time)
        if event.kind == .refused { content.refusalByteCount += count }
        return count
    }

    /// How many bytes of refusals a minute may have now.
    var refusalPace: Int {
        content.refusalByteCount < limits.refusalByteCount
            ? limits.refusalPace : limits.slowRefusalPace
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
        if hasOld { try carryOver() }
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
        let droppedCount = max(droppedCount, contents.droppedCount)
        if contents.strangeCount + droppedCount > 0 {
            var event = AuditEvent(.dropped, reason: "while_locked")
            event.count = contents.strangeCount + droppedCount
            event.whileLocked = contents.events.last?.whileLocked
            try place(event, at: time)
        }
        if !contents.events.isEmpty || contents.strangeCount + contents.droppedCount > 0 {
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
                content = try TrailContent(file, ends.byteCount, after: checkpoint.length)
                try take(ends)
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
        if isFirstOpening, let line = content.unmade {
            var event = AuditEvent(.failed, reason: "unchanged")
            event.record = line.object?["record"]?.text.flatMap {
                TrailLine.hex(Array($0.utf8)[...])
            }
            try write(event.line(point.length + 1, at: time))
        }
        isFirstOpening = false
        hasOld = true
    }

    /// Whether a last line is at the checkpoint, or beyond it.
    private func follows(_ last: TrailLine) -> Bool {
        last.number > checkpoint.length
            || (last.number == checkpoint.length && last.hash == checkpoint.head)
    }

    private mutating func take(_ ends: TrailEnds) throws(HostError) {
        byteCount = ends.byteCount
        firstNumber = ends.header.number
        keptFrom = ends.keptFrom
        point = TrailPoint(length: ends.last.number, head: ends.last.hash)
        lastPlace = ends.last.lockedPlace
        // A file that was begun while lines were taken in, and has none of them yet.
        if ends.last == ends.header || ends.last.carriedFrom != nil,
            let full = try newestFull(), full.last.number + 1 == firstNumber
        {
            lastPlace = full.last.lockedPlace
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
        let newest = try newestFull()
        if let newest, follows(newest.last) {
            try take(newest)
            try begin(.continued, after: point.length, at: time)
        } else if newest == nil, files.fullNumbers.isEmpty, checkpoint.length == 0 {
            try begin(.begun, after: 0, at: time)
        } else {
            finding = "the audit trail ends before its last checkpoint"
            let above = files.fullNumbers.last ?? 0
            let last = min(max(above, checkpoint.length), checkpoint.length + 10_000_000)
            try begin(.resumed, reason: "missing", after: last, at: time)
        }
    }

    /// The ends of the newest full file of the trail; nil if there is none, or its end was changed.
    private func newestFull() throws(HostError) -> TrailEnds? {
        guard let number = try genuineNumbers().last,
            let full = try AppendOnlyFile.reading(files.full(from: number))
        else { return nil }
        return try TrailEnds(full, try full.byteCount(), keys)
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
        content = TrailContent()
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
        hasOld = true
        try carryOver()
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

    /// Copies what outlives its file from those that are no longer kept, then removes them.
    private mutating func carryOver() throws(HostError) {
        let old = files.fullNumbers.filter { $0 < keptFrom }
        var lines: [TrailLine] = []
        for number in old { lines += outliving(files.full(from: number), from: number) }
        lines.sort { $0.origin < $1.origin }
        var room = limits.carriedByteCount
        let carried = lines.reversed().prefix(while: { line in
            room -= line.bytes.count + 40
            return room >= 0
        })
        // What a crash interrupted goes on where it was.
        for line in carried.reversed() where line.origin > content.lastCarried {
            try write(LineBuilder(carrying: line, as: point.length + 1))
            content.lastCarried = line.origin
        }
        for number in old { PrivateFiles.remove(files.full(from: number)) }
        hasOld = false
    }

    /// The genuine lines of an old file that outlive it; none of a file that can't be read, for it must go all
    /// the same.
    private func outliving(_ path: String, from number: UInt64) -> [TrailLine] {
        guard let file = try? AppendOnlyFile.reading(path),
            let header = try? TrailEnds.header(file, keys), header.line.number == number
        else { return [] }
        var found: [TrailLine] = []
        var before: [UInt8] = []
        try? TrailContent.forEachLine(of: file) { bytes in
            defer { before = bytes }
            guard TrailLine.kind(of: bytes)?.outlivesItsFile == true, let line = TrailLine(bytes)
            else { return }
            let previous = before.isEmpty ? header.previous : TrailLine(before)?.hash
            if let previous, keys.isGenuine(line, after: previous) { found.append(line) }
        }
        return found
    }
}
