import Foundation

/// Many connections at a broker's socket: see `Resources/crowd.py`.
public final class Crowd: Sendable {
    /// What became of them.
    public struct Outcome: Decodable, Sendable {
        /// How many connections are held open.
        public let open: Int
        /// How long it took.
        public let seconds: Double
        /// How many were closed without a byte.
        public let closed: Int?
        /// How many answers are not whole.
        public let cut: Int?
        /// How often each body of a 200, or each other status line, came.
        public let answers: [String: Int]?
    }

    private let helper: Helper

    /// Starts one; for everything but `ask`, returns when its work is done.
    ///
    /// - Parameters:
    ///   - socket: where the broker listens.
    ///   - kind: `idle`, `half`, `endless`, `garbage`, `churn` or `ask`.
    ///   - count: how many connections.
    ///   - path: what `ask` asks for.
    ///   - uid: who connects; root's own where it is nil.
    ///   - isContained: whether from a user namespace.
    /// - Throws: if it can't be started.
    public init(
        _ socket: String, _ kind: String, _ count: Int, path: String = "/v1/status",
        uid: Int? = nil,
        isContained: Bool = false
    ) throws {
        guard let script = Bundle.module.url(forResource: "crowd", withExtension: "py") else {
            throw CocoaError(.fileNoSuchFile)
        }
        let arguments = ["-B", script.path, socket, kind, "\(count)", path]
        if let uid {
            helper = try Helper(
                "/usr/bin/setpriv",
                ["--reuid=\(uid)", "--regid=\(uid)", "--clear-groups"]
                    + (isContained ? ["/usr/bin/unshare", "--user"] : []) + ["/usr/bin/python3"]
                    + arguments)
        } else {
            helper = try Helper("/usr/bin/python3", arguments)
        }
    }

    /// What its first line said: the outcome of everything but `ask`.
    ///
    /// - Throws: `DecodingError`.
    public func outcome() throws -> Outcome {
        try JSONDecoder().decode(Outcome.self, from: helper.line)
    }

    /// What `ask` got, once all is answered.
    ///
    /// - Throws: `CocoaError` if it ends without.
    public func answers() throws -> Outcome {
        try JSONDecoder().decode(Outcome.self, from: try helper.nextLine())
    }
}
