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
        let link = try BrokerLink.open(place, starts: starts)
        return try Self.exchange(request, link, vault: place.namedVault)
    }

    /// Tells a broker to end, and waits until its process has.
    ///
    /// - Returns: nil if none runs; its answer otherwise.
    /// - Throws: ``ClientError``.
    public func stop() throws(ClientError) -> BrokerResponse? {
        let link: UnixConnection
        do {
            link = try BrokerLink.open(place, starts: false)
        } catch .noBroker {
            return nil
        }
        let pid = link.peerPID
        let answer = try Self.exchange(BrokerRequest("POST", "/v1/stop"), link, vault: place.namedVault)
        guard answer.isSuccess else { return answer }
        do {
            try DaemonProcess.waitForEnd(of: pid, timeout: .seconds(30))
        } catch {
            throw .host(error)
        }
        return answer
    }

    private static func exchange(
        _ request: BrokerRequest, _ link: borrowing UnixConnection, vault: String?
    ) throws(ClientError) -> BrokerResponse {
        let end = ContinuousClock.now + request.timeout
        do {
            link.setTimeout(.seconds(10))
            try link.send(request.head(vault: vault).span)
            for part in request.body { try send(part, link) }
        } catch {
            // The broker may have refused by the head alone, and said so before it closed.
        }
        var bytes: [UInt8] = []
        do {
            while true {
                let left = end - ContinuousClock.now
                guard left > .zero else { throw HostError.timedOut(operation: "receive") }
                link.setTimeout(left)
                let part = try link.receive(upTo: 65_536)
                if part.isEmpty { break }
                bytes += part
                guard bytes.count <= BrokerResponse.limit else { throw HostError.timedOut(operation: "") }
            }
        } catch HostError.timedOut {
            throw .noAnswer
        } catch {
            guard !bytes.isEmpty else { throw .badAnswer }
        }
        return try BrokerResponse(parsing: bytes)
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
