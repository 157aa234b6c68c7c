/// What the owner calls a credential: 1 to 128 of `A–Z a–z 0–9 . _ @ -`, a letter or digit first.
package struct CredentialName: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// Takes a name as it was typed; nil if it is none.
    package init?(_ text: String) {
        let bytes = text.utf8
        guard (1...128).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first),
            bytes.allSatisfy({ Self.isAlphanumeric($0) || "._@-".utf8.contains($0) })
        else { return nil }
        description = text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
