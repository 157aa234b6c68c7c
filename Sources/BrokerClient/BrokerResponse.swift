/// A broker's answer.
public struct BrokerResponse: Sendable, Equatable {
    /// The HTTP status.
    public let status: Int
    /// The body, whole.
    public let body: [UInt8]

    /// The most bytes of an answer that are read.
    static let limit = 64 << 20

    /// Whether the broker did what it was asked for.
    public var isSuccess: Bool { (200..<300).contains(status) }

    /// Makes an answer.
    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// Reads an answer whose connection has been read to its end.
    ///
    /// - Throws: ``ClientError/badAnswer`` for anything but one whole HTTP/1.1 answer with a length.
    init(parsing bytes: [UInt8]) throws(ClientError) {
        guard let end = Self.headEnd(bytes) else { throw .badAnswer }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]),
            (200..<600).contains(status)
        else { throw .badAnswer }
        let body = bytes[(end + 4)...]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"),
                line[..<colon].lowercased() == "content-length"
            else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            guard Int(value) == body.count else { throw .badAnswer }
        }
        self.status = status
        self.body = Array(body)
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard bytes.count >= mark.count else { return nil }
        return (0...(bytes.count - mark.count)).first { bytes[$0..<($0 + 4)].elementsEqual(mark) }
    }
}
