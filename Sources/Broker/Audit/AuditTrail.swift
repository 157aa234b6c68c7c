internal import Host
package import Logging
internal import OAuth
internal import Sodium
internal import Synchronization
package import Vault

/// The audit trail: what was paid out, refused and changed, one line each, chained by keys of the vault.
///
/// A line is written before what it says takes effect. Nothing here waits for anybody but the disk.
package final class AuditTrail: Sendable {
    let clock: BrokerClock
    let limits: TrailLimits
    private let folder: String
    private let guarded = Mutex(State())
    /// Wakes whoever syncs.
    let writes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// A trail without a vault.
    ///
    /// - Parameters:
    ///   - folder: where its files are, or will be.
    ///   - limits: what they are bounded to.
    ///   - clock: what the times of lines, and coalescing, go by.
    package init(folder: String, limits: TrailLimits = TrailLimits(), clock: BrokerClock) {
        self.folder = folder
        self.limits = limits
        self.clock = clock
        (writes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Changes the state, and logs what was written when nobody waits for it any more.
    func withState<R>(_ body: (inout State) -> R) -> R {
        let (result, lines) = guarded.withLock { state in
            let result = body(&state)
            return (result, state.journal.take())
        }
        for line in lines { line.log() }
        return result
    }

    /// Has each line also logged, for the journal; and says that it is known who is in a container, as in a
    /// machine's broker.
    package func mirror(to logger: Logger) {
        withState { $0.journal.logger = logger }
    }

    /// How many lines could not be written.
    package var errorCount: UInt64 { withState { $0.errorCount } }

    /// The last line; nil while the vault is locked.
    package var point: TrailPoint? {
        withState { state in
            if case .open(let trail) = state.mode { trail.point } else { nil }
        }
    }

    /// The files, and the keys, of an open trail; nil while the vault is locked.
    func opened() -> (files: TrailFiles, keys: TrailKeys)? {
        withState { state in
            if case .open(let trail) = state.mode { (trail.files, trail.keys) } else { nil }
        }
    }

    /// Whether the broker is about to end, so that nobody should wait for a line.
    var isEnding: Bool { withState { $0.isEnding } }

    /// Has those go who wait for a line.
    package func end() {
        withState { $0.isEnding = true }
    }

    /// Notes that there is a vault, locked.
    package func close(vaultID: [UInt8]) {
        let files = TrailFiles(folder: folder, vaultID: vaultID)
        withState { state in
            if case .locked(let segment) = state.mode, segment.files == files { return }
            state.mode = .locked(LockedSegment(files: files, limit: limits.lockedByteCount))
        }
    }

    /// Goes on with the trail of a vault that was just unlocked.
    ///
    /// Where the trail can't be written, that is tried again with every line.
    ///
    /// - Parameters:
    ///   - keys: what chains it.
    ///   - vaultID: whose it is.
    ///   - checkpoint: what the vault has sealed of it.
    /// - Returns: what a person should be told, in words; nil if all is well.
    package func open(
        _ keys: TrailKeys, vaultID: [UInt8], checkpoint: TrailPoint
    ) -> String? {
        let files = TrailFiles(folder: folder, vaultID: vaultID)
        let now = clock.now()
        let time = self.time
        return withState { state in
            if case .open(let trail) = state.mode, trail.files == files { return nil }
            var droppedCount: UInt64 = 0
            if case .locked(let segment) = state.mode, segment.files == files {
                droppedCount = segment.droppedCount
            }
            var trail = OpenTrail(
                files: files, keys: keys, limits: limits, checkpoint: checkpoint,
                droppedCount: droppedCount)
            state.lastCheckpoint = now
            state.sealed = checkpoint.length
            do throws(HostError) {
                try trail.makeReady(at: time)
                state.mode = .open(trail)
                return trail.finding.map { $0 + ": bursar audit --verify says more" }
            } catch {
                state.errorCount += 1
                state.mode = .open(trail)
                return "the audit trail can't be written, so no token is paid out: \(error)"
            }
        }
    }

    private var time: String { rfc3339Milliseconds(clock.wallSeconds()) }

    /// Writes a line of an unlocked vault.
    ///
    /// - Throws: ``BrokerError/trail(_:)`` if it can't be written, ``BrokerError/locked``.
    package func append(_ event: AuditEvent) throws(BrokerError) {
        let now = clock.now()
        let time = self.time
        let result: Result<Void, BrokerError> = withState { state in
            guard case .open(var trail) = state.mode else { return .failure(.locked) }
            // Else two owners of the trail's parts would have to be told apart at each line.
            state.mode = .none
            defer { state.mode = .open(trail) }
            let event = state.known(event)
            do throws(HostError) {
                try trail.append(event, at: time)
                state.journal.note(event, trail.point.length, at: now)
                state.noteUnwritten(in: &trail, at: now, time)
                return .success(())
            } catch {
                state.errorCount += 1
                state.journal.note(event, nil, at: now, error)
                return .failure(.trail(error))
            }
        }
        try result.get()
        wake.yield()
    }

    /// Writes a line of a change that is about to be made, and waits until it is on disk.
    ///
    /// - Returns: the point that the change has to seal.
    /// - Throws: ``BrokerError/trail(_:)``; the change must not be made then. ``BrokerError/locked``.
    package func announce(_ event: AuditEvent) throws(BrokerError) -> TrailPoint {
        try append(event)
        guard let point = try sync() else { throw .locked }
        return point
    }

    /// Writes a line if it can be written, locked or not: of what happens whether it is noted or not.
    package func note(_ event: AuditEvent) {
        let now = clock.now()
        let time = self.time
        withState { $0.note(event, at: now, time) }
        wake.yield()
    }

    /// Notes a refusal; of many alike, only how many they are.
    ///
    /// A wrong passphrase always has its line: trying many takes long.
    package func refused(_ event: AuditEvent) {
        guard event.kind != .wrongPassphrase else { return note(event) }
        let now = clock.now()
        let time = self.time
        let isWritten = withState { state in
            if case .none = state.mode { return false }
            // A window that is over is closed first, so that the refusal begins another.
            state.closeWindows(at: now, time)
            let event = state.known(event)
            guard state.ledger.admits(event, at: now) else { return false }
            state.noteRefusal(event, at: now, time)
            return true
        }
        if isWritten { wake.yield() }
    }

    /// Ends what was counted and has had its time.
    package func tidy() {
        let now = clock.now()
        let time = self.time
        withState { $0.closeWindows(at: now, time) }
    }

    /// Waits until all lines are on disk.
    ///
    /// - Returns: the last of them; nil while the vault is locked.
    /// - Throws: ``BrokerError/trail(_:)``.
    @discardableResult
    package func sync() throws(BrokerError) -> TrailPoint? {
        let segment = withState { state -> AppendOnlyFile? in
            if case .locked(let segment) = state.mode { segment.written } else { nil }
        }
        try? segment?.sync()
        let pending = withState { state -> (trail: OpenTrail, needsSync: Bool)? in
            guard case .open(let trail) = state.mode, trail.file != nil else { return nil }
            return (trail, trail.point.length > trail.synced)
        }
        guard let (trail, needsSync) = pending, let file = trail.file else { return nil }
        guard needsSync else { return trail.point }
        do throws(HostError) {
            // Not under the lock: it takes milliseconds, and tokens go on meanwhile.
            try file.sync()
            change(trail.files) { $0.synced = max($0.synced, trail.point.length) }
        } catch {
            withState { $0.errorCount += 1 }
            change(trail.files) { $0.reopen() }
            throw .trail(error)
        }
        return trail.point
    }

    /// Changes the open trail, if it is still the one of these files.
    private func change(_ files: TrailFiles, _ body: (inout OpenTrail) -> Void) {
        withState { state in
            guard case .open(var trail) = state.mode, trail.files == files else { return }
            body(&trail)
            state.mode = .open(trail)
        }
    }

    /// The last line that is known to be on disk; nil while the vault is locked.
    var syncedNumber: UInt64? {
        withState { state in
            if case .open(let trail) = state.mode { trail.synced } else { nil }
        }
    }

    /// The last line of a trail that has ended.
    struct LastLine {
        let point: TrailPoint
        fileprivate let file: AppendOnlyFile

        /// Waits until it is on disk, and says whether it is.
        func isSynced() -> Bool { (try? file.sync()) != nil }
    }

    /// Ends the trail of a vault that is about to be locked: all is written, the keys are gone.
    ///
    /// - Parameter event: what the last line says; nil for none.
    /// - Returns: the last line, which the vault should seal once it is synced; nil if there is no open trail.
    func end(_ event: AuditEvent?) -> LastLine? {
        let now = clock.now()
        let time = self.time
        // From here on nobody writes a line of this unlocking: the last one is what is synced, and sealed.
        return withState { state -> LastLine? in
            guard case .open = state.mode else { return nil }
            state.closeWindows(at: now, time, all: true)
            if let event { state.note(event, at: now, time) }
            guard case .open(let trail) = state.mode else { return nil }
            state.mode = .locked(
                LockedSegment(files: trail.files, limit: limits.lockedByteCount))
            return trail.file.map { LastLine(point: trail.point, file: $0) }
        }
    }

    /// The point that is to be sealed now, if a checkpoint is due; it is on disk.
    package func dueCheckpoint() -> TrailPoint? {
        let now = clock.now()
        let isDue = withState { state in
            guard case .open(let trail) = state.mode, trail.file != nil else { return false }
            let count = trail.point.length - min(state.sealed, trail.point.length)
            guard count > 0 else { return false }
            let age = now - (state.lastCheckpoint ?? now)
            return count >= limits.linesUntilCheckpoint || age >= limits.timeUntilCheckpoint
                || trail.needsCheckpoint
        }
        return isDue ? try? sync() : nil
    }

    /// Syncs what is written, soon after, and has checkpoints sealed when they are due; until cancelled.
    ///
    /// - Parameter seal: seals a point in the vault.
    package func run(seal: @Sendable (TrailPoint) async -> Void) async {
        for await _ in writes {
            guard (try? await clock.sleep(clock.now() + Self.syncDelay)) != nil else { return }
            _ = try? sync()
            if let point = dueCheckpoint() { await seal(point) }
        }
    }

    /// A line is on disk so much, and the time of a sync, after it was written.
    private static let syncDelay = Duration.milliseconds(500)

    /// Notes that the vault has sealed a point.
    package func noteSealed(_ point: TrailPoint) {
        let now = clock.now()
        withState { state in
            state.sealed = max(state.sealed, point.length)
            state.lastCheckpoint = now
            guard case .open(var trail) = state.mode else { return }
            trail.needsCheckpoint = false
            state.mode = .open(trail)
        }
    }
}
