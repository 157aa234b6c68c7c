/// Finds the lines that have a text in them: from the text's end on, so that most bytes are never looked at
/// (Horspool's way).
struct Needle {
    static let newline = UInt8(ascii: "\n")
    private let bytes: [UInt8]
    /// How far to go on where a byte is under the text's last one.
    private let steps: [Int]

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var steps = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() {
            steps[Int(byte)] = bytes.count - 1 - index
        }
        self.bytes = bytes
        self.steps = steps
    }

    /// The whole lines, without their ends, that have the text.
    func lines(in text: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var index = 0
        while let start = position(in: text, from: index) {
            let lineStart = text[..<start].lastIndex(of: Self.newline).map { $0 + 1 } ?? 0
            guard let end = text[start...].firstIndex(of: Self.newline) else { break }
            found.append(Array(text[lineStart..<end]))
            index = end
        }
        return found
    }

    private func position(in text: [UInt8], from start: Int) -> Int? {
        let last = bytes.count - 1
        var end = start + last
        while end < text.count {
            if text[end] == bytes[last], text[(end - last)...end].elementsEqual(bytes) {
                return end - last
            }
            end += steps[Int(text[end])]
        }
        return nil
    }
}
