extension Duration {
    /// Reads `90s`, `15m`, `8h` or `2d`: an integer and its unit, at most ten years.
    package init?(text: String) {
        let scale: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let unit = text.last, let seconds = scale[unit],
            let product = Self.count(text.dropLast(), times: seconds)
        else { return nil }
        self = .seconds(product)
    }

    /// Reads a duration, or whole seconds, as the HTTP interface takes both.
    package init?(textOrSeconds text: String) {
        if let duration = Duration(text: text) {
            self = duration
        } else if let seconds = Self.count(text[...], times: 1) {
            self = .seconds(seconds)
        } else {
            return nil
        }
    }

    private static func count(_ digits: Substring, times scale: Int64) -> Int64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int64(digits)
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow || product > 10 * 366 * 86400 ? nil : product
    }

    /// The seconds, with their fraction.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
