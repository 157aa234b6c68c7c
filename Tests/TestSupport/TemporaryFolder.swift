import Foundation

/// A private folder that goes with the value.
public final class TemporaryFolder: Sendable {
    /// Its path, without symbolic links.
    public let path: String

    /// Makes one.
    ///
    /// - Parameter base: where; memory where the system has some, for speed.
    /// - Throws: what `FileManager` throws.
    public init(in base: String = "/tmp") throws {
        path = "\(base)/bursar-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
