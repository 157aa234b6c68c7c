import Foundation

/// A real authorization server, as `Scripts/glewlwyd` starts it.
public final class Glewlwyd: Sendable {
    /// Where it is, and its clients.
    public struct Line: Decodable, Sendable {
        /// Its token endpoint.
        public let token_url: String
        /// One whose tokens live for two seconds.
        public let short_token_url: String
        /// The CA of its certificate.
        public let ca_file: String
        /// The files that hold its clients' secrets.
        public let clients: [String: String]
    }

    private let helper: Helper
    /// Where it is.
    public let line: Line

    /// Starts one; about two seconds.
    ///
    /// - Throws: if it is not installed.
    public init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        helper = try Helper(
            root.path + "/Scripts/glewlwyd",
            ["--parent", "\(ProcessInfo.processInfo.processIdentifier)"])
        line = try JSONDecoder().decode(Line.self, from: helper.line)
    }
}
