/// A metrics page, read strictly: whatever the format does not say is a mistake.
struct PrometheusText {
    struct Mistake: Error { let line: String }

    struct Series: Hashable {
        let name: String
        let labels: [String: String]
    }

    private(set) var types: [String: String] = [:]
    private(set) var values: [Series: Double] = [:]

    /// Reads a page.
    ///
    /// - Throws: ``Mistake`` with the line that is wrong.
    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Mistake(line: "no line end at the end") }
        var family = ""
        var helped: Set<String> = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if let help = line.wholeMatch(of: /# HELP ([a-z_:][a-z0-9_:]*) (\S.*)/) {
                family = String(help.1)
                guard helped.insert(family).inserted else { throw Mistake(line: String(line)) }
            } else if let type = line.wholeMatch(of: /# TYPE (\S+) (counter|gauge|histogram)/) {
                guard String(type.1) == family, types[family] == nil else {
                    throw Mistake(line: String(line))
                }
                types[family] = String(type.2)
            } else {
                try sample(line, family)
            }
        }
        try requireWholeHistograms()
    }

    /// The value of a series; nil if there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        values[Series(name: name, labels: labels)]
    }

    /// The label values of a metric.
    func all(_ label: String, of name: String) -> Set<String> {
        Set(values.keys.filter { $0.name == name }.compactMap { $0.labels[label] })
    }

    private mutating func sample(_ line: Substring, _ family: String) throws {
        guard let match = line.wholeMatch(of: /([a-z_:][a-z0-9_:]*)(?:\{(.+)\})? (\S+)/),
            let value = match.3 == "+Inf" ? .infinity : Double(match.3)
        else { throw Mistake(line: String(line)) }
        let name = String(match.1)
        let parts = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard parts.contains(where: { name == family + $0 }) else {
            throw Mistake(line: String(line))
        }
        if types[family] == "counter" {
            guard name.hasSuffix("_total"), value >= 0, value == value.rounded() else {
                throw Mistake(line: String(line))
            }
        }
        var labels: [String: String] = [:]
        var rest = match.2 ?? ""
        while !rest.isEmpty {
            guard let label = rest.prefixMatch(of: /([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/),
                labels.updateValue(String(label.2), forKey: String(label.1)) == nil
            else { throw Mistake(line: String(line)) }
            rest = rest[label.range.upperBound...]
        }
        guard values.updateValue(value, forKey: Series(name: name, labels: labels)) == nil else {
            throw Mistake(line: String(line))
        }
    }

    private func requireWholeHistograms() throws {
        for (name, type) in types where type == "histogram" {
            let buckets = values.filter { $0.key.name == name + "_bucket" }
                .map { (bound: Double($0.key.labels["le"] ?? "") ?? .nan, count: $0.value) }
                .sorted { $0.bound < $1.bound }
            guard buckets.last?.bound == .infinity,
                buckets.last?.count == value(name + "_count"), value(name + "_sum") != nil,
                buckets.map(\.count) == buckets.map(\.count).sorted()
            else { throw Mistake(line: name) }
        }
    }
}
