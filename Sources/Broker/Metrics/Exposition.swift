/// Text as Prometheus reads it, [format 0.0.4][s].
///
/// [s]: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
struct Exposition {
    /// What the text is called in HTTP.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var text = ""

    /// Begins a metric; its samples follow.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func add(
        _ name: String, _ value: UInt64, _ labels: KeyValuePairs<String, String> = [:]
    ) {
        write(name, labels, "\(value)")
    }

    /// A value that is no count; infinite and undefined ones don't occur.
    mutating func add(
        _ name: String, _ value: Double, _ labels: KeyValuePairs<String, String> = [:]
    ) {
        write(name, labels, Self.number(value))
    }

    /// A histogram's buckets, which count what lies below, sum and count.
    mutating func add(_ name: String, _ histogram: Histogram) {
        var below: UInt64 = 0
        for (bound, count) in zip(Histogram.bounds.map(Self.number) + ["+Inf"], histogram.counts) {
            below += count
            add(name + "_bucket", below, ["le": bound])
        }
        add(name + "_sum", histogram.sum)
        add(name + "_count", below)
    }

    private mutating func write(
        _ name: String, _ labels: KeyValuePairs<String, String>, _ value: String
    ) {
        let pairs = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
        let braces = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
        text += "\(name)\(braces) \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// A label's value; what would end it, or the line, is escaped.
    static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += #"\\"#
            case "\"": text += #"\""#
            case "\n": text += #"\n"#
            // A grapheme of its own in Swift.
            case "\r\n": text += "\r" + #"\n"#
            default: text.append(character)
            }
        }
    }
}
