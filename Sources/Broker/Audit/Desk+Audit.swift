internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import OAuth
internal import Sodium
internal import Vault

extension Desk {
    private static let longestWait = Duration.seconds(60)
    /// How often whoever waits for a line looks.
    private static let look = Duration.milliseconds(100)

    /// `GET /v1/audit`: a page of the trail, or with `verify` what is wrong with it.
    func audit(_ request: Request) async throws(BrokerError) -> Answer {
        let query = request.query
        guard let (files, keys) = keeper.audit.opened() else { throw await lockedOrNone() }
        if try query.isOn("verify") { return try await verifyAudit(files, keys) }
        let limit = try query.integer("limit") ?? UInt64(TrailReader.mostLines)
        guard (1...UInt64(TrailReader.mostLines)).contains(limit) else {
            throw .badRequest("the limit is between 1 and \(TrailReader.mostLines)")
        }
        var after = try query.integer("after") ?? 0
        if let last = try query.integer("last"), let point = keeper.audit.point {
            after = max(after, point.length - min(last, point.length))
        }
        if let wait = try query.duration("wait") {
            guard wait <= Self.longestWait else { throw .badRequest("the wait is at most 60s") }
            await waitForLine(after: after, wait)
        }
        let reader = TrailReader(files: files)
        let from = after
        let lines = try await readAudit { () throws(HostError) in
            try reader.lines(after: from, limit: Int(limit))
        }
        return try await lineAnswer(lines)
    }

    /// `POST /v1/audit/search`: a page of the payouts of the token in the body.
    func auditSearch(_ request: Request) async throws(BrokerError) -> Answer {
        guard let (files, keys) = keeper.audit.opened() else { throw await lockedOrNone() }
        guard request.body.readableBytes > 0 else { throw .badRequest("the token is empty") }
        let hash = keys.hash(token: request.body.readableBytesUInt8Span)
        let after = try request.query.integer("after") ?? 0
        let reader = TrailReader(files: files)
        let lines = try await readAudit { () throws(HostError) in
            try reader.payouts(of: hash, after: after)
        }
        return try await lineAnswer(lines)
    }

    private func verifyAudit(
        _ files: TrailFiles, _ keys: TrailKeys
    ) async throws(BrokerError) -> Answer {
        let checkpoint = try await keeper.sealedTrail()
        let report = try await readAudit { () throws(HostError) in
            try TrailVerifier(files: files, keys: keys, checkpoint: checkpoint).verify()
        }
        return .json(.ok, report.object.encoded())
    }

    private func lineAnswer(_ lines: [TrailLine]) async throws(BrokerError) -> Answer {
        let names = lines.isEmpty ? [:] : try await keeper.names()
        var body: [UInt8] = []
        for line in lines {
            body += line.named(names)
            body.append(UInt8(ascii: "\n"))
        }
        return Answer(status: .ok, contentType: "application/x-ndjson", body: body)
    }

    private func waitForLine(after number: UInt64, _ wait: Duration) async {
        let end = clock.now() + wait
        while let point = keeper.audit.point, point.length <= number, !keeper.audit.isEnding,
            clock.now() < end
        {
            let next = min(clock.now() + Self.look, end)
            guard (try? await clock.sleep(next)) != nil else { return }
        }
    }

    private func lockedOrNone() async -> BrokerError {
        do {
            _ = try await keeper.count()
            return .locked
        } catch {
            return error
        }
    }

    /// Reads files where nobody waits for it but those who read them, too.
    private func readAudit<R: Sendable>(
        _ body: @escaping @Sendable () throws(HostError) -> R
    ) async throws(BrokerError) -> R {
        do {
            return try await keeper.trailThreads.runIfActive { try body() }
        } catch let error as HostError {
            throw .vault(.host(error))
        } catch {
            throw .internalFault("the thread for the audit trail has ended")
        }
    }
}
