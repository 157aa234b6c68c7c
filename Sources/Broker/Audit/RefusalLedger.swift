/// Counts refusals, so that a flood of them makes few lines: per uid and reason at most 10 a minute, the last
/// of them with how many it stands for; and of all together, at most so many bytes.
struct RefusalLedger {
    /// Whom a refusal is counted for.
    ///
    /// Whoever is in a container may have any number of uids, so that all of them are one.
    enum Party: Hashable {
        case user(UInt32)
        case contained
        case nobody

        init(_ caller: Caller?) {
            guard let caller else {
                self = .nobody
                return
            }
            self = caller.isContained ? .contained : .user(caller.uid)
        }
    }

    private struct Key: Hashable {
        let party: Party
        let reason: String
    }

    private struct Window {
        let start: ContinuousClock.Instant
        let event: AuditEvent
        var lineCount = 1
        var suppressedCount: UInt64 = 0
        /// Whether they are of several uids.
        var isMixed = false
    }

    private var windows: [Key: Window] = [:]
    // When the first of them ends: a flood must not look at all of them each time.
    private var firstEnd: ContinuousClock.Instant?
    /// Refusals that nothing more is known of: there were too many kinds, or lines, of them.
    private(set) var uncounted: UInt64 = 0
    private var uncountedSince: ContinuousClock.Instant?
    /// Bytes of lines since a minute began.
    private var byteCounts: [Party: Int] = [:]
    private var byteCount = 0
    private var bytesSince: ContinuousClock.Instant?

    /// One of the ten is the closing line.
    static let linesPerWindow = 9
    static let window = Duration.seconds(60)
    private static let mostWindows = 1024
    /// One party has so much of all bytes.
    private static let parts = 8

    /// Whether a refusal gets a line of its own; otherwise it is counted.
    mutating func admits(_ event: AuditEvent, at now: ContinuousClock.Instant) -> Bool {
        let key = Key(party: Party(event.caller), reason: event.reason ?? "")
        guard var window = windows[key] else {
            guard windows.count < Self.mostWindows else {
                addUncounted(1, at: now)
                return false
            }
            windows[key] = Window(start: now, event: event)
            firstEnd = min(firstEnd ?? now + Self.window, now + Self.window)
            return true
        }
        if window.event.caller?.uid != event.caller?.uid { window.isMixed = true }
        defer { windows[key] = window }
        if window.lineCount < Self.linesPerWindow, now - window.start < Self.window {
            window.lineCount += 1
            return true
        }
        window.suppressedCount += 1
        return false
    }

    /// Whether there is room for a line of a caller's refusals, where all together may have `pace` bytes in a
    /// minute.
    mutating func hasRoom(
        for caller: Caller?, pace: Int, at now: ContinuousClock.Instant
    ) -> Bool {
        if now - (bytesSince ?? now) >= Self.window || bytesSince == nil {
            bytesSince = now
            byteCounts = [:]
            byteCount = 0
        }
        return byteCount < pace && byteCounts[Party(caller), default: 0] < pace / Self.parts
    }

    /// A line of a caller's refusals was written.
    mutating func noteBytes(_ count: Int, of caller: Caller?) {
        byteCount += count
        byteCounts[Party(caller), default: 0] += count
    }

    /// A line that was admitted could not be written.
    mutating func addUncounted(_ count: UInt64, at now: ContinuousClock.Instant) {
        if uncounted == 0 { uncountedSince = now }
        uncounted += count
    }

    /// Ends the windows whose time is over, or all of them.
    ///
    /// - Returns: the closing lines of those that had more refusals than lines.
    mutating func close(at now: ContinuousClock.Instant, all: Bool = false) -> [AuditEvent] {
        guard all || firstEnd.map({ now >= $0 }) ?? false else { return [] }
        var events: [AuditEvent] = []
        for (key, window) in windows where all || now - window.start >= Self.window {
            windows[key] = nil
            guard window.suppressedCount > 0 else { continue }
            var event = AuditEvent(
                window.event.kind, by: window.isMixed ? nil : window.event.caller,
                reason: key.reason)
            event.isOfContained = window.isMixed
            event.count = window.suppressedCount
            events.append(event)
        }
        firstEnd = windows.values.map(\.start).min().map { $0 + Self.window }
        return events
    }

    /// A line for what nothing more is known of, a minute after the first; nil if there is none.
    mutating func takeUncounted(at now: ContinuousClock.Instant, all: Bool) -> AuditEvent? {
        guard uncounted > 0, all || now - (uncountedSince ?? now) >= Self.window else { return nil }
        var event = AuditEvent(.refused, reason: "not_counted_apart")
        event.count = uncounted
        uncounted = 0
        return event
    }
}
