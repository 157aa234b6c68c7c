import Foundation

/// A user who does one thing at a broker's socket over and over: see `Resources/flood.py`.
public final class Flood: Sendable {
    /// What it came to.
    public struct Outcome: Decodable, Sendable {
        /// How often it was done.
        public let count: Int
        /// What one answer took in the median, in seconds; 0 where none was waited for.
        public let median: Double
    }

    private let helper: Helper

    /// Begins.
    ///
    /// - Parameters:
    ///   - socket: where the broker listens.
    ///   - kind: `churn`, `stay`, `leave` or `ask`.
    ///   - seconds: for how long.
    ///   - count: how many connections at once, where it keeps some.
    ///   - path: what it asks for.
    ///   - uid: who it is.
    /// - Throws: if it can't be started.
    public init(
        _ socket: String, _ kind: String, seconds: Double, count: Int = 1,
        path: String = "/v1/status", uid: UInt32
    ) throws {
        guard let script = Bundle.module.url(forResource: "flood", withExtension: "py") else {
            throw CocoaError(.fileNoSuchFile)
        }
        // The script's folder need not be one that others may read.
        let program = try String(contentsOf: script, encoding: .utf8)
        helper = try Helper(
            "/usr/bin/setpriv",
            [
                "--reuid=\(uid)", "--regid=\(uid)", "--clear-groups", "/usr/bin/python3", "-c",
                program, socket, kind, "\(seconds)", "\(count)", path,
            ])
    }

    /// Waits for its end.
    ///
    /// - Throws: `CocoaError` if it ends without a word.
    public func outcome() throws -> Outcome {
        try JSONDecoder().decode(Outcome.self, from: try helper.nextLine())
    }
}
