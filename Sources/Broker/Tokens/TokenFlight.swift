/// A token request under way, and who waits for it.
struct TokenFlight {
    typealias Answer = Result<Token, BrokerError>

    let number: UInt64
    let begunAt: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    let request: TokenCache.Request
    let task: Task<Void, Never>
    /// Whether a caller has asked for what it brings, and not the cache alone.
    var isWanted: Bool
    var waiters: [UInt64: CheckedContinuation<Answer, Never>] = [:]

    /// Whether it failed for no more than its first caller's haste, which says nothing of the server.
    func wasHurried(_ error: BrokerError) -> Bool {
        switch error {
        case .timedOut, .noAnswer: deadline - begunAt < .seconds(5)
        default: false
        }
    }
}
