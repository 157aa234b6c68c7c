internal import Host
internal import Vault

extension AuditTrail {
    enum Mode {
        /// There is no vault.
        case none
        case locked(LockedSegment)
        case open(OpenTrail)
    }

    struct State {
        var mode = Mode.none
        var ledger = RefusalLedger()
        var journal = TrailJournal()
        var lastCheckpoint: ContinuousClock.Instant?
        /// The last line that the vault has sealed.
        var sealed: UInt64 = 0
        var errorCount: UInt64 = 0
        /// How many lines could not be written, refusals apart.
        var unwritten: UInt64 = 0
        var isEnding = false
    }
}

extension AuditTrail.State {
    /// Writes a line, if it can be written.
    mutating func note(
        _ event: AuditEvent, at now: ContinuousClock.Instant, _ time: String
    ) {
        let event = known(event)
        switch mode {
        case .none: break
        case .locked(var segment):
            segment.append(event, at: time)
            mode = .locked(segment)
            journal.note(event, nil, at: now)
        case .open(var trail):
            // Else two owners of the trail's parts would have to be told apart at each line.
            mode = .none
            write(event, in: &trail, at: now, time)
            mode = .open(trail)
        }
    }

    private mutating func write(
        _ event: AuditEvent, in trail: inout OpenTrail, at now: ContinuousClock.Instant,
        _ time: String
    ) {
        do throws(HostError) {
            let count = try trail.append(event, at: time)
            if event.kind == .refused { ledger.noteBytes(count, of: event.caller) }
            journal.note(event, trail.point.length, at: now)
            noteUnwritten(in: &trail, at: now, time)
        } catch {
            errorCount += 1
            journal.note(event, nil, at: now, error)
            if event.kind == .refused {
                ledger.addUncounted(event.count ?? 1, at: now)
            } else {
                unwritten += 1
            }
        }
    }

    /// Writes how many lines could not be written, now that one can.
    mutating func noteUnwritten(
        in trail: inout OpenTrail, at now: ContinuousClock.Instant, _ time: String
    ) {
        guard unwritten > 0 else { return }
        var event = AuditEvent(.dropped, reason: "not_written")
        event.count = unwritten
        guard (try? trail.append(event, at: time)) != nil else { return }
        unwritten = 0
        journal.note(event, trail.point.length, at: now)
    }

    /// The event without what nobody has looked at: a user's own broker does not ask who is in a container.
    func known(_ event: AuditEvent) -> AuditEvent {
        guard journal.logger == nil, event.caller?.isContained == true else { return event }
        var event = event
        event.caller?.isContained = false
        return event
    }

    /// Writes a line of refusals, if there is room for it among those of all others.
    mutating func noteRefusal(
        _ event: AuditEvent, at now: ContinuousClock.Instant, _ time: String
    ) {
        guard case .open(let trail) = mode,
            !ledger.hasRoom(for: event.caller, pace: trail.refusalPace, at: now)
        else { return note(event, at: now, time) }
        ledger.addUncounted(event.count ?? 1, at: now)
        journal.note(event, nil, at: now)
    }

    mutating func closeWindows(
        at now: ContinuousClock.Instant, _ time: String, all: Bool = false
    ) {
        for event in ledger.close(at: now, all: all) { noteRefusal(event, at: now, time) }
        if let event = ledger.takeUncounted(at: now, all: all) { note(event, at: now, time) }
    }
}
