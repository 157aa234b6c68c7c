internal import Host
internal import Logging
internal import OAuth

/// What goes to the journal of the lines of the trail: gathered here, and logged once nobody waits for it.
struct TrailJournal {
    var logger: Logger?
    private var lines: [Line] = []
    private var payoutsSince: ContinuousClock.Instant?
    private var payoutCount = 0
    private var omitted: UInt64 = 0

    /// Payouts are logged so often in a while, so that no flood of them costs the journal all else.
    static let mostPayouts = 10_000
    static let window = Duration.seconds(30)

    /// One line, to be logged.
    struct Line {
        fileprivate let logger: Logger
        fileprivate let metadata: Logger.Metadata
        fileprivate let level: Logger.Level

        func log() { logger.log(level: level, "audit", metadata: metadata) }
    }

    /// Gathers one line.
    ///
    /// - Parameters:
    ///   - event: what happened.
    ///   - number: the line's in the trail; nil if it is not there.
    ///   - now: the time.
    ///   - error: why it could not be written.
    mutating func note(
        _ event: AuditEvent, _ number: UInt64?, at now: ContinuousClock.Instant,
        _ error: HostError? = nil
    ) {
        guard let logger else { return }
        if event.kind == .token, !admitsPayout(at: now, logger) { return }
        var metadata = event.journalMembers
        if let number { metadata["seq"] = "\(number)" }
        if let error { metadata["not_written"] = "\(error)" }
        lines.append(
            Line(logger: logger, metadata: metadata, level: error == nil ? .info : .error))
    }

    private mutating func admitsPayout(
        at now: ContinuousClock.Instant, _ logger: Logger
    ) -> Bool {
        if payoutsSince.map({ now - $0 >= Self.window }) ?? true {
            payoutsSince = now
            payoutCount = 0
            if omitted > 0 {
                lines.append(
                    Line(
                        logger: logger,
                        metadata: ["event": "token", "omitted": "\(omitted)"], level: .notice))
            }
            omitted = 0
        }
        payoutCount += 1
        if payoutCount > Self.mostPayouts { omitted += 1 }
        return payoutCount <= Self.mostPayouts
    }

    /// What was gathered.
    mutating func take() -> [Line] {
        guard !lines.isEmpty else { return [] }
        defer { lines = [] }
        return lines
    }
}

extension AuditEvent {
    /// The line for the journal: by record id, without tokens' hashes.
    fileprivate var journalMembers: Logger.Metadata {
        var metadata: Logger.Metadata = ["event": "\(kind.rawValue)"]
        if let caller {
            metadata["uid"] = "\(caller.uid)"
            metadata["pid"] = "\(caller.pid)"
            if let unit = caller.unit { metadata["unit"] = "\(escaped(unit, limit: 512))" }
        }
        if let record { metadata["record"] = "\(LineBuilder.hex(record))" }
        if let rule { metadata["rule"] = "\(escaped(rule, limit: 512))" }
        if let reason { metadata["reason"] = "\(reason)" }
        if let count { metadata["count"] = "\(count)" }
        return metadata
    }
}
