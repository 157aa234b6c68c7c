public import Sodium

/// One request to a broker, as Protocol.md lists them.
public struct BrokerRequest: Sendable {
    /// Part of a body: plain bytes, or a secret that is sent from where it lies.
    public enum BodyPart: Sendable {
        /// What anybody may see.
        case bytes([UInt8])
        /// What nobody else may.
        case secret(SharedSecret)

        var byteCount: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .secret(let secret): secret.byteCount
            }
        }
    }

    /// The method.
    public var method: String
    /// The path, without a query.
    public var path: String
    /// The query's parameters.
    public var query: [(name: String, value: String)] = []
    /// Further headers.
    public var headers: [(name: String, value: String)] = []
    /// The body.
    public var body: [BodyPart] = []
    /// How long the answer may take.
    public var timeout = Duration.seconds(60)

    /// A request without query or body.
    public init(_ method: String, _ path: String) {
        self.method = method
        self.path = path
    }

    /// The request line and the headers.
    func head(vault: String?) -> [UInt8] {
        var text = "\(method) \(path)"
        for (index, pair) in query.enumerated() {
            text += index == 0 ? "?" : "&"
            text += percentEncoded(pair.name) + "=" + percentEncoded(pair.value)
        }
        text += " HTTP/1.1\r\nHost: bursar\r\nConnection: close\r\n"
        if let vault { text += "Bursar-Vault: \(percentEncoded(vault))\r\n" }
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        if !body.isEmpty {
            text += "Content-Type: application/octet-stream\r\n"
            text += "Content-Length: \(body.reduce(0) { $0 + $1.byteCount })\r\n"
        }
        return Array((text + "\r\n").utf8)
    }
}

/// Escapes everything but the unreserved characters of RFC 3986.
public func percentEncoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
            result.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            result += (byte < 16 ? "%0" : "%") + digits
        }
    }
    return result
}
