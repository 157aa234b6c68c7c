import Foundation

/// A token endpoint on loopback that does what its path says: see `Resources/token_endpoint.py`.
public final class ScriptedEndpoint: Sendable {
    private struct Line: Decodable {
        let port: Int
        let plain_port: Int
        let expired_port: Int
        let wrong_name_port: Int
        let proxy_port: Int
        let ca_file: String
        let wrong_ca_file: String
    }

    /// What it has seen.
    public struct Requests: Decodable, Sendable {
        /// One request.
        public struct Last: Decodable, Sendable {
            /// Its form.
            public let body: String?
            /// Its `Authorization`.
            public let authorization: String?
            /// Its `Content-Type`.
            public let content_type: String?
        }
        /// How often each path was posted to.
        public let counts: [String: Int]
        /// The last request.
        public let last: Last
        /// Where the proxy was asked to connect to.
        public let connects: [String]
    }

    private let helper: Helper
    private let line: Line

    /// Starts one; about half a second.
    ///
    /// - Throws: if Python or OpenSSL are not there.
    public init() throws {
        guard let script = Bundle.module.url(forResource: "token_endpoint", withExtension: "py")
        else {
            throw CocoaError(.fileNoSuchFile)
        }
        helper = try Helper("/usr/bin/python3", [script.path])
        line = try JSONDecoder().decode(Line.self, from: helper.line)
    }

    /// Its process, which holds the last request in its memory.
    public var pid: Int32 { helper.pid }
    /// The CA of its certificates.
    public var caFile: String { line.ca_file }
    /// A CA that signed none of them.
    public var wrongCAFile: String { line.wrong_ca_file }
    /// A proxy that knows CONNECT.
    public var proxyURL: String { "http://127.0.0.1:\(line.proxy_port)" }

    /// The URL of a behaviour.
    public func url(_ behaviour: String) -> String { "https://localhost:\(line.port)/\(behaviour)" }
    /// The same without TLS.
    public func plainURL(_ behaviour: String) -> String {
        "http://127.0.0.1:\(line.plain_port)/\(behaviour)"
    }
    /// Behind a certificate that has expired.
    public var expiredURL: String { "https://localhost:\(line.expired_port)/ok" }
    /// Behind a certificate for another name.
    public var wrongNameURL: String { "https://localhost:\(line.wrong_name_port)/ok" }

    /// What it has seen so far.
    ///
    /// - Throws: if it does not answer.
    public func requests() throws -> Requests {
        let answer = try ChildProcess.run(
            "/usr/bin/curl", ["-s", "--noproxy", "*", plainURL("requests")], environment: [:])
        return try JSONDecoder().decode(Requests.self, from: Data(answer.output.utf8))
    }

    /// How often a behaviour was asked for.
    ///
    /// - Throws: if it does not answer.
    public func count(_ behaviour: String) throws -> Int {
        try requests().counts[behaviour] ?? 0
    }
}
