#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Whose secrets end within 14 days, or have: what `vault list` says besides.
enum ExpiryWarnings {
    private static let notice = 14 * 86400.0

    /// `NAME: the secret expires …`, for each.
    static func lines(
        _ credentials: [CredentialDocument], now: Date = Date()
    ) -> [String] {
        credentials.compactMap { credential in
            guard let text = credential.expires_at, let expiry = date(text),
                expiry.timeIntervalSince(now) <= notice
            else { return nil }
            let words = "\(credential.name ?? ""): the secret expires \(text)"
            return words + (expiry <= now ? ", which is past" : "")
        }
    }

    private static func date(_ text: String) -> Date? {
        let day = try? Date.ISO8601FormatStyle().year().month().day().parse(text)
        return text.utf8.count == 10 ? day : try? Date.ISO8601FormatStyle().parse(text)
    }
}
