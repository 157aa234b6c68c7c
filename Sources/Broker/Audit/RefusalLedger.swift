/// Counts refusals, so that a flood of them makes few lines: per uid and reason at most 10 a minute, the last
/// of them with how many it stands for.
struct RefusalLedger {
    private struct Key: Hashable {
        let uid: UInt32
        let reason: String
    }

    private struct Window {
        let start: ContinuousClock.Instant
        let event: AuditEvent
        var lineCount = 1
        var suppressedCount: UInt64 = 0
    }

    private var windows: [Key: Window] = [:]
    // When the first of them ends: a flood must not look at all of them each time.
    private var firstEnd: ContinuousClock.Instant?
    /// Refusals that nothing more is known of: there were too many kinds, or lines, of them.
    private(set) var uncounted: UInt64 = 0

    /// One of the ten is the closing line.
    static let linesPerWindow = 9
    static let window = Duration.seconds(60)
    private static let mostWindows = 1024

    /// Whether a refusal gets a line of its own; otherwise it is counted.
    mutating func admits(_ event: AuditEvent, at now: ContinuousClock.Instant) -> Bool {
        let key = Key(uid: event.caller?.uid ?? .max, reason: event.reason ?? "")
        guard var window = windows[key] else {
            guard windows.count < Self.mostWindows else {
                uncounted += 1
                return false
            }
            windows[key] = Window(start: now, event: event)
            firstEnd = min(firstEnd ?? now + Self.window, now + Self.window)
            return true
        }
        if window.lineCount < Self.linesPerWindow, now - window.start < Self.window {
            window.lineCount += 1
            windows[key] = window
            return true
        }
        window.suppressedCount += 1
        windows[key] = window
        return false
    }

    /// A line that was admitted could not be written.
    mutating func addUncounted(_ count: UInt64 = 1) {
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
            var event = AuditEvent(window.event.kind, by: window.event.caller, reason: key.reason)
            event.count = window.suppressedCount
            events.append(event)
        }
        firstEnd = windows.values.map(\.start).min().map { $0 + Self.window }
        return events
    }

    /// A line for what nothing more is known of; nil if there is none.
    mutating func takeUncounted() -> AuditEvent? {
        guard uncounted > 0 else { return nil }
        var event = AuditEvent(.refused, reason: "not_counted_apart")
        event.count = uncounted
        uncounted = 0
        return event
    }
}
