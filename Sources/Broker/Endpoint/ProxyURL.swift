/// An HTTP proxy that forwards connections by `CONNECT`: `http://HOST[:PORT]`, port 80 without one.
package struct ProxyURL: Sendable, Hashable {
    /// As it was typed.
    package let text: String
    package let host: String
    package let port: Int

    /// Takes a proxy's address; nil for anything but `http://`, a host and a port, without user or path.
    package init?(_ text: String) {
        let scheme = "http://"
        guard text.utf8.count <= 300, text.lowercased().hasPrefix(scheme) else { return nil }
        var authority = text.dropFirst(scheme.count)
        if authority.hasSuffix("/") { authority.removeLast() }
        var host = authority
        var port = 80
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard let given = Self.port(rest, orElse: port) else { return nil }
            port = given
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            guard let given = Self.port(authority[colon...], orElse: port) else { return nil }
            port = given
        }
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: ".-_:".utf8.contains(byte)
            }
        }
        guard !host.isEmpty, isPlain, authority.hasPrefix("[") || !host.contains(":") else {
            return nil
        }
        self.text = text
        self.host = String(host)
        self.port = port
    }

    private static func port(_ text: Substring, orElse standard: Int) -> Int? {
        guard !text.isEmpty else { return standard }
        let digits = text.dropFirst()
        guard text.hasPrefix(":"), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), (1...65535).contains(port)
        else { return nil }
        return port
    }
}
