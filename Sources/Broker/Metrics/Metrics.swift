package import OAuth
internal import Synchronization
internal import Vault

/// What the broker counts, for `GET /metrics`.
///
/// Counting is an addition under a lock, or without one; the text is made when somebody asks. Nothing here
/// tells one caller from another.
package final class Metrics: Sendable {
    /// How one token request ended: the label `result`.
    package enum Outcome: Hashable, Sendable {
        case ok
        /// One of the registered OAuth2 errors, by its own word; servers' inventions are ``refused``.
        case error(ErrorCode)
        /// A refusal by another word, or by none.
        case refused
        /// The server is overloaded or broken for now: 408, 425, 429, 5xx.
        case tryLater
        /// What came back is no token response.
        case badAnswer
        case unreachable
        case tls
        case timeout
    }

    /// Why a caller did not get what it asked for: the label `reason`.
    package enum Denial: String, CaseIterable, Sendable {
        case notAllowed = "not_allowed"
        case scopeBeyondRule = "scope_beyond_rule"
        case foreignDoor = "foreign_door"
        case locked
        case wrongPassphrase = "wrong_passphrase"
    }

    /// What is counted of one credential.
    struct Requests: Sendable {
        var name: String
        var outcomes: [Outcome: UInt64] = [:]
    }

    private let cacheHitCount = Atomic<UInt64>(0)
    private let denialCounts = Mutex<[Denial: UInt64]>([:])
    private let requestCounts = Mutex<[[UInt8]: Requests]>([:])
    private let durationCounts = Mutex(Histogram())

    package init() {}

    /// Notes that a token was paid out without a request of its own.
    package func noteCacheHit() {
        cacheHitCount.wrappingAdd(1, ordering: .relaxed)
    }

    /// Notes that a caller was refused.
    package func note(_ denial: Denial) {
        denialCounts.withLock { $0[denial, default: 0] += 1 }
    }

    /// Notes that a caller was refused, if the error says so.
    package func noteDenial(in error: BrokerError) {
        if let denial = Denial(error) { note(denial) }
    }

    /// Notes one request to a token endpoint, a repeat included.
    ///
    /// - Parameters:
    ///   - outcome: how it ended.
    ///   - credential: the record's id.
    ///   - name: what the credential is called; nobody learns of one that does not exist.
    ///   - duration: from before the request to after the answer.
    package func noteRequest(
        _ outcome: Outcome, for credential: [UInt8], named name: String, taking duration: Duration
    ) {
        requestCounts.withLock { all in
            all[credential, default: Requests(name: name)].outcomes[outcome, default: 0] += 1
        }
        durationCounts.withLock { $0.add(duration.seconds) }
    }

    /// Forgets what was counted of a credential that was removed.
    package func forget(credential: [UInt8]) {
        requestCounts.withLock { $0[credential] = nil }
    }

    var cacheHits: UInt64 { cacheHitCount.load(ordering: .relaxed) }
    var denials: [Denial: UInt64] { denialCounts.withLock(\.self) }
    var requests: [[UInt8]: Requests] { requestCounts.withLock(\.self) }
    var durations: Histogram { durationCounts.withLock(\.self) }
}

/// Durations in seconds, counted by upper bound.
struct Histogram: Sendable {
    /// From a server in the same room to the longest that most callers wait.
    static let bounds: [Double] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    /// How many lay at or below each bound, and above the one before.
    private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    private(set) var sum = 0.0

    mutating func add(_ seconds: Double) {
        let index = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        counts[index] += 1
        sum += seconds
    }
}

extension Metrics.Outcome {
    /// How a request to a token endpoint ended; nil if nothing was sent: the vault was locked, or the
    /// credential is no use.
    ///
    /// - Parameter error: nil for a token.
    package init?(_ error: BrokerError?) {
        switch error {
        case nil: self = .ok
        case .unreachable: self = .unreachable
        case .untrusted: self = .tls
        case .noAnswer, .timedOut: self = .timeout
        case .oauth(.refused(.other, _, _), _), .oauth(.refusedWithoutCode, _): self = .refused
        case .oauth(.refused(let code, _, _), _): self = .error(code)
        case .oauth(.serverFailed, _): self = .tryLater
        case .oauth: self = .badAnswer
        default: return nil
        }
    }

    /// The word that stands in the metrics.
    var label: String {
        switch self {
        case .ok: "ok"
        case .error(let code): code.rawValue
        case .refused: "refused"
        case .tryLater: "try_later"
        case .badAnswer: "bad_answer"
        case .unreachable: "unreachable"
        case .tls: "tls"
        case .timeout: "timeout"
        }
    }
}

extension Metrics.Denial {
    init?(_ error: BrokerError) {
        switch error {
        case .denied, .refusedToken, .notAllowed: self = .notAllowed
        case .scopeBeyondRule: self = .scopeBeyondRule
        case .foreignDoor: self = .foreignDoor
        case .locked: self = .locked
        case .vault(.wrongPassphrase): self = .wrongPassphrase
        default: return nil
        }
    }
}
