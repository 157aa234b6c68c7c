internal import OAuth

/// What the doctor says about the token endpoints: whether a request would get to them.
struct EndpointFindings: Sendable {
    let endpoint: TokenEndpoint
    let clock: BrokerClock

    /// How many are tried at once.
    private static let width = 8
    /// When no further one is tried.
    private static let patience = Duration.seconds(20)

    /// Credentials whose requests go the same way.
    private struct Destination: Hashable {
        let url: String
        let certificates: String?
        let proxy: ProxyURL?
    }

    private struct Probe: Sendable {
        let credential: Credential
        var names: [String]
    }

    /// A line for each way to a token endpoint, in the order of the credentials' names.
    func findings(
        _ credentials: [(name: String, credential: Credential)]
    ) async -> [Finding] {
        let probes = Self.probes(credentials)
        let end = clock.now() + Self.patience
        return await withTaskGroup(of: (Int, Finding).self) { tasks in
            var findings: [Int: Finding] = [:]
            for (index, probe) in probes.enumerated() {
                if index >= Self.width, let (done, finding) = await tasks.next() {
                    findings[done] = finding
                }
                tasks.addTask { (index, await finding(probe, by: end)) }
            }
            for await (done, finding) in tasks { findings[done] = finding }
            return findings.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private func finding(_ probe: Probe, by end: ContinuousClock.Instant) async -> Finding {
        let subject = Self.subject(probe.names)
        let place = probe.credential.tokenURL.origin
        guard clock.now() < end else {
            return .note(subject, "there was no time left to try \(place)")
        }
        if let error = await endpoint.probe(probe.credential, named: probe.names.first ?? "") {
            return .problem(subject, Problem(error))
        }
        let isPlain = probe.credential.tokenURL.scheme == "http"
        return .ok(subject, "\(place) can be reached" + (isPlain ? "" : ", and its TLS is trusted"))
    }

    private static func probes(
        _ credentials: [(name: String, credential: Credential)]
    ) -> [Probe] {
        var probes: [Probe] = []
        var indices: [Destination: Int] = [:]
        for (name, credential) in credentials {
            let destination = Destination(
                url: credential.tokenURL.origin, certificates: credential.caCertificates,
                proxy: credential.proxy)
            if let index = indices[destination] {
                probes[index].names.append(name)
            } else {
                indices[destination] = probes.count
                probes.append(Probe(credential: credential, names: [name]))
            }
        }
        return probes
    }

    private static func subject(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}
