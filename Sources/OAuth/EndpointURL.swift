/// The address of a token endpoint: https, or plain http to this machine where the owner allows it.
///
/// A URL of ASCII characters with a host, without user information or fragment
/// ([RFC 6749, section 3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).
public struct EndpointURL: Sendable, Hashable {
    /// As it was given.
    public let text: String
    /// `https` or `http`.
    public let scheme: String
    /// The host in lower case; an IPv6 address without its brackets.
    public let host: String
    /// The port; 443, or 80 for http, without one.
    public let port: Int

    /// Reads a URL.
    ///
    /// - Parameters:
    ///   - text: the whole URL, at most 2,048 bytes.
    ///   - allowHTTPLoopback: whether `http` is good enough for this machine itself.
    /// - Throws: ``OAuthError/badURL(_:_:)``.
    public init(parsing text: String, allowHTTPLoopback: Bool = false) throws(OAuthError) {
        guard text.utf8.count <= 2048, let parts = Self.split(text) else {
            throw .badURL(text, .malformed)
        }
        guard !parts.authority.contains("@") else {
            throw .badURL("\(parts.scheme)://…", .userInfo)
        }
        guard !parts.rest.contains("#") else { throw .badURL(text, .fragment) }
        guard parts.scheme == "https" || parts.scheme == "http" else {
            throw .badURL(text, .notHTTPS)
        }
        let standard = parts.scheme == "https" ? 443 : 80
        guard let (host, port) = Self.hostAndPort(parts.authority, standard) else {
            throw .badURL(text, .malformed)
        }
        self.text = text
        scheme = parts.scheme
        self.host = host
        self.port = port
        if scheme == "http" {
            guard isLoopback else { throw .badURL(text, .notHTTPS) }
            guard allowHTTPLoopback else { throw .badURL(text, .httpLoopback) }
        }
    }

    /// Scheme, host and port, the usual port left out.
    public var origin: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        let isUsual = port == (scheme == "https" ? 443 : 80)
        return "\(scheme)://\(host)" + (isUsual ? "" : ":\(port)")
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { number in
                number.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(number) != nil
            }
    }

    private static func split(
        _ text: String
    ) -> (scheme: String, authority: Substring, rest: Substring)? {
        let isPlain = text.utf8.allSatisfy {
            (0x21..<0x7F).contains($0) && !"\"<>\\^`{|}".utf8.contains($0)
        }
        guard isPlain, let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon].lowercased()
        let rest = text[text.index(after: colon)...]
        guard rest.hasPrefix("//") else { return nil }
        let afterSlashes = rest.dropFirst(2)
        let end = afterSlashes.firstIndex { "/?#".contains($0) } ?? afterSlashes.endIndex
        return (scheme, afterSlashes[..<end], afterSlashes[end...])
    }

    private static func hostAndPort(
        _ authority: Substring, _ standardPort: Int
    ) -> (host: String, port: Int)? {
        var host = authority
        var portText: Substring = ""
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            portText = authority[authority.index(after: end)...]
            guard host.utf8.allSatisfy({ isHexDigit($0) || ":.".utf8.contains($0) }),
                host.contains(":")
            else { return nil }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                portText = authority[colon...]
            }
            guard host.utf8.allSatisfy({ isAlphanumeric($0) || "-._".utf8.contains($0) }),
                !host.hasPrefix("."), !host.contains("..")
            else { return nil }
        }
        guard !host.isEmpty, host.utf8.count <= 255 else { return nil }
        if portText.isEmpty { return (host.lowercased(), standardPort) }
        let digits = portText.dropFirst()
        guard portText.hasPrefix(":"), (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), (1...65535).contains(port)
        else { return nil }
        return (host.lowercased(), port)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isHexDigit(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
