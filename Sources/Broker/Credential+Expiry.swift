#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension Credential {
    /// When the secret expires, in seconds since 1970; a day alone means its beginning, in UTC.
    package var secretExpiry: Double? {
        guard let expiresAt else { return nil }
        let day = try? Date.ISO8601FormatStyle().year().month().day().parse(expiresAt)
        let time = try? Date.ISO8601FormatStyle().parse(expiresAt)
        return (time ?? day)?.timeIntervalSince1970
    }
}
