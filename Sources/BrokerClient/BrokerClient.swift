internal import Host
internal import Sodium

/// Talks to one broker: one blocking request at a time, each on a connection of its own.
public struct BrokerClient: Sendable {
    /// The broker.
    public let place: BrokerPlace

    /// A client of a broker that need not run yet.
    public init(_ place: BrokerPlace) {
        self.place = place
    }

    /// The program that is started as a broker; nil if it is not to be found.
    public static var program: String? { BrokerLink.program() }

    /// Sends a request, and waits for its answer.
    ///
    /// - Parameters:
    ///   - request: what to ask.
    ///   - starts: whether the broker is started if it does not run, and may be.
    /// - Returns: the answer, whatever its status.
    /// - Throws: ``ClientError``.
    public func send(
        _ request: BrokerRequest, starts: Bool = true
    ) throws(ClientError) -> BrokerResponse {
        do {
            return try Self.exchange(request, try BrokerLink.open(place, starts: starts))
        } catch .brokerGone where request.isRepeatable {
            // It was just about to end, for want of requests perhaps; asking again changes nothing.
            return try Self.exchange(request, try BrokerLink.open(place, starts: starts))
        }
    }

    /// Tells a broker to end, and waits until its process has.
    ///
    /// - Returns: nil if none runs; its answer otherwise.
    /// - Throws: ``ClientError``.
    public func stop() throws(ClientError) -> BrokerResponse? {
        let link: BrokerLink
        do {
            link = try BrokerLink.open(place, starts: false)
        } catch .noBroker {
            return nil
        }
        let watch: ProcessWatch
        do {
            watch = try ProcessWatch(pid: link.connection.peerPID)
        } catch {
            throw .host(error)
        }
        let answer = try Self.exchange(BrokerRequest("POST", "/v1/stop"), link)
        guard answer.isSuccess else { return answer }
        do {
            try watch.waitForEnd(timeout: .seconds(30))
        } catch {
            throw .host(error)
        }
        return answer
    }

    private static func exchange(
        _ request: BrokerRequest, _ broker: borrowing BrokerLink
    ) throws(ClientError) -> BrokerResponse {
        let end = ContinuousClock.now + request.timeout
        do {
            try broker.connection.send(request.head(vault: broker.vault).span)
            for part in request.body { try send(part, broker.connection) }
        } catch {
            // The broker may have refused by the head alone, and said so before it closed.
        }
        var bytes: [UInt8] = []
        while true {
            let part = try receive(broker.connection, until: end)
            bytes += part
            if bytes.isEmpty { throw .brokerGone }
            if let answer = try BrokerResponse(parsing: bytes, isEnd: part.isEmpty) {
                return answer
            }
            guard bytes.count <= BrokerResponse.limit else { throw .badAnswer }
        }
    }

    /// Some bytes of the answer; none at its end, also where that was none in good order: the answer's length
    /// tells.
    private static func receive(
        _ connection: borrowing UnixConnection, until end: ContinuousClock.Instant
    ) throws(ClientError) -> [UInt8] {
        let left = end - ContinuousClock.now
        guard left > .zero else { throw .noAnswer }
        connection.setTimeout(left)
        do throws(HostError) {
            return try connection.receive(upTo: 16_384)
        } catch .timedOut {
            throw .noAnswer
        } catch {
            return []
        }
    }

    private static func send(
        _ part: BrokerRequest.BodyPart, _ link: borrowing UnixConnection
    ) throws(HostError) {
        switch part {
        case .bytes(let bytes): try link.send(bytes.span)
        case .secret(let secret):
            let bytes = secret.withSecret { $0.copy() }
            try bytes.withBytes { bytes throws(HostError) in try link.send(bytes) }
        }
    }
}
