/// `application/x-www-form-urlencoded`, as [RFC 6749, appendix B][b] asks for.
///
/// The unreserved characters of RFC 3986 stay; all else is escaped, a space as `%20`, which every decoder
/// of the field reads.
///
/// [b]: https://www.rfc-editor.org/rfc/rfc6749#appendix-B
enum FormEncoding {
    /// The most bytes that so many bytes become.
    static func byteCount(upTo byteCount: Int) -> Int { 3 * byteCount }

    static func append(_ bytes: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
        for index in bytes.indices {
            let byte = bytes[index]
            if isUnreserved(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(hexDigit(byte >> 4))
                output.append(hexDigit(byte & 15))
            }
        }
    }

    static func append(_ text: String, to output: inout OutputSpan<UInt8>) {
        let bytes = Array(text.utf8)
        append(bytes.span, to: &output)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}
