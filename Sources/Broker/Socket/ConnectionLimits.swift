internal import Host

/// How many connections there may be at one socket.
struct ConnectionLimits: Sendable {
    /// Of all together, so that descriptors are left for the token endpoints.
    let total: Int
    /// Of one uid; several users have to be there to fill the broker.
    let perUser: Int
    /// Of all callers in containers together: one person may become 65,536 uids there.
    let containers: Int
    /// Beyond the total, for administrators; half of it also for a uid that has none yet.
    let reserve: Int
    /// Accepted, and not looked at yet; of one uid at most as many as it may have.
    let waiting: Int

    /// - Parameter descriptors: how many the process may have open.
    init(descriptors: Int = DescriptorLimit.current) {
        total = min(max(descriptors / 8 * 5, 64), 16_384)
        perUser = min(total / 4, 1024)
        containers = total / 4
        reserve = total / 16
        waiting = min(8 * perUser, descriptors / 4)
    }
}
