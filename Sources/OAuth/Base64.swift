/// Base64 ([RFC 4648, section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4)) from one secret to
/// another, without a table whose look-ups would show the secret to the cache.
enum Base64 {
    /// How many characters so many bytes become.
    static func byteCount(of byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    static func append(_ bytes: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
        var index = 0
        while index < bytes.count {
            let left = min(3, bytes.count - index)
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = left > 2 ? UInt32(bytes[index + 2]) : 0
            let group = first | second | third
            output.append(character(group >> 18 & 63))
            output.append(character(group >> 12 & 63))
            output.append(left > 1 ? character(group >> 6 & 63) : UInt8(ascii: "="))
            output.append(left > 2 ? character(group & 63) : UInt8(ascii: "="))
            index += 3
        }
    }

    private static func character(_ value: UInt32) -> UInt8 {
        let value = Int32(value)
        var character = value + 65
        // Each step is added only from its bound on: (bound - 1 - value) >> 31 is then all ones.
        character += ((25 - value) >> 31) & 6
        character -= ((51 - value) >> 31) & 75
        character -= ((61 - value) >> 31) & 15
        character += ((62 - value) >> 31) & 3
        return UInt8(truncatingIfNeeded: character)
    }
}
