/// What the doctor says about the lifetimes of secrets.
struct ExpiryFindings: Sendable {
    let credentials: [(name: String, credential: Credential)]
    /// Seconds since 1970.
    let now: Double

    /// How long before its end a person is told.
    static let notice = Duration.seconds(14 * 86400)

    /// A line for each secret that ends soon, or has; else one for all.
    var findings: [Finding] {
        let soon = credentials.compactMap { name, credential in finding(name, credential) }
        if !soon.isEmpty { return soon }
        let count = credentials.count
        return [
            .ok(
                "credentials",
                "\(count) in the vault; no secret is known to expire within 14 days")
        ]
    }

    /// Whether it is time to tell of an end.
    static func isSoon(_ expiry: Double, at now: Double) -> Bool {
        expiry - now <= notice.seconds
    }

    private func finding(_ name: String, _ credential: Credential) -> Finding? {
        guard let text = credential.expiresAt, let expiry = secondsSince1970(date: text),
            Self.isSoon(expiry, at: now)
        else { return nil }
        return .problem(
            name, "the secret expires \(text)" + (expiry <= now ? ", which is past" : ""),
            cure: "get a new one from the provider: "
                + "bursar vault set \(name) --secret-stdin --expires DATE")
    }
}
