internal import NIOHTTP1

extension Desk {
    /// `GET /metrics`: what is counted, and what ends when; while locked, no credential's name.
    func metricsText() async -> Answer {
        let isLocked = await keeper.isLocked
        var text = Exposition()
        text.begin("bursar_build_info", .gauge, "The version of bursard.")
        text.add("bursar_build_info", 1 as UInt64, ["version": Version.current])
        text.begin("bursar_vault_unlocked", .gauge, "Whether secrets can be opened.")
        text.add("bursar_vault_unlocked", (isLocked ? 0 : 1) as UInt64)
        addCounts(to: &text)
        await addCredentials(to: &text)
        return Answer(
            status: .ok, contentType: Exposition.contentType, body: Array(text.text.utf8))
    }

    private func addCounts(to text: inout Exposition) {
        let hits = "bursar_token_cache_hits_total"
        text.begin(hits, .counter, "Tokens paid out without a token request of their own.")
        text.add(hits, metrics.cacheHits)
        let durations = "bursar_token_endpoint_duration_seconds"
        text.begin(durations, .histogram, "How long token endpoints took to answer, or to fail.")
        text.add(durations, metrics.durations)
        let denials = "bursar_authorization_denials_total"
        text.begin(denials, .counter, "Requests that were refused, by reason.")
        let counts = metrics.denials
        for denial in Metrics.Denial.allCases {
            text.add(denials, counts[denial] ?? 0, ["reason": denial.rawValue])
        }
        let errors = "bursar_audit_write_errors_total"
        text.begin(errors, .counter, "Lines of the audit trail that could not be written.")
        text.add(errors, keeper.audit.errorCount)
    }

    /// The series that name a credential, of those alone that the vault has now.
    private func addCredentials(to text: inout Exposition) async {
        let counted = metrics.requests
        let known = await keeper.existing(Set(counted.values.map(\.name)))
        let requests = "bursar_token_requests_total"
        text.begin(
            requests, .counter, "Requests to token endpoints, repeats included, by their result.")
        for (name, outcomes) in byName(counted) where known.contains(name) {
            for (label, count) in outcomes {
                text.add(requests, count, ["credential": name, "result": label])
            }
        }
        let expiry = "bursar_token_expiry_timestamp_seconds"
        text.begin(expiry, .gauge, "When the credential's longest-lived cached token ends.")
        let ends = await cache.expiries()
        for (id, requests) in counted.sorted(by: { $0.value.name < $1.value.name })
        where known.contains(requests.name) {
            guard let end = ends[id], end > clock.now() else { continue }
            text.add(expiry, clock.wallSeconds(at: end), ["credential": requests.name])
        }
        let secrets = "bursar_secret_expiry_timestamp_seconds"
        text.begin(secrets, .gauge, "When the client secret ends, where the vault knows.")
        let dates = (try? await keeper.secretExpiries()) ?? [:]
        for (name, seconds) in dates.sorted(by: { $0.key < $1.key }) {
            text.add(secrets, seconds, ["credential": name])
        }
    }

    // A name may have belonged to two records, one after the other.
    private func byName(
        _ counted: [[UInt8]: Metrics.Requests]
    ) -> [(name: String, outcomes: [(label: String, count: UInt64)])] {
        var sums: [String: [String: UInt64]] = [:]
        for requests in counted.values {
            for (outcome, count) in requests.outcomes {
                sums[requests.name, default: [:]][outcome.label, default: 0] += count
            }
        }
        return sums.sorted { $0.key < $1.key }.map { name, counts in
            (name, counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }
}
