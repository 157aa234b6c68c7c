public import Sodium

/// One request to a broker, as Protocol.md lists them.
///
/// Kept as the bytes that are sent: on the way to a cached token, whatever Swift's runtime has to look up
/// (types of tuples, characters of a text) takes longer than the request itself.
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
    public let method: String
    /// The path, without a query.
    public var path: String
    /// The body.
    public var body: [BodyPart] = []
    /// How long the answer may take.
    public var timeout = Duration.seconds(60)
    /// Whether asking a second time is the same as asking once.
    private(set) var isRepeatable: Bool
    private var query: [UInt8] = []
    private var headers: [UInt8] = []

    /// A request without query or body.
    public init(_ method: String, _ path: String) {
        self.method = method
        self.path = path
        isRepeatable = method == "GET"
    }

    /// Adds a parameter to the query.
    public mutating func addParameter(_ name: String, _ value: String) {
        if name == "fresh" { isRepeatable = false }
        query.append(query.isEmpty ? UInt8(ascii: "?") : UInt8(ascii: "&"))
        appendPercentEncoded(name, to: &query)
        query.append(UInt8(ascii: "="))
        appendPercentEncoded(value, to: &query)
    }

    /// Adds a header; name and value are the program's own.
    public mutating func addHeader(_ name: String, _ value: String) {
        headers += name.utf8
        headers += ": ".utf8
        headers += value.utf8
        headers += "\r\n".utf8
    }

    /// The request line and the headers.
    func head(vault: String?) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(256 + query.count + headers.count)
        head += method.utf8
        head.append(UInt8(ascii: " "))
        head += path.utf8
        head += query
        head += " HTTP/1.1\r\nHost: bursar\r\nConnection: close\r\n".utf8
        if let vault {
            head += "Bursar-Vault: ".utf8
            appendPercentEncoded(vault, to: &head)
            head += "\r\n".utf8
        }
        head += headers
        if !body.isEmpty {
            head += "Content-Type: application/octet-stream\r\nContent-Length: ".utf8
            head += String(body.reduce(0) { $0 + $1.byteCount }).utf8
            head += "\r\n".utf8
        }
        head += "\r\n".utf8
        return head
    }
}

/// Escapes everything but the unreserved characters of RFC 3986.
public func percentEncoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    appendPercentEncoded(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

private func appendPercentEncoded(_ text: String, to bytes: inout [UInt8]) {
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value - 10 }
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
        default:
            bytes.append(UInt8(ascii: "%"))
            bytes.append(digit(byte >> 4))
            bytes.append(digit(byte & 15))
        }
    }
}
