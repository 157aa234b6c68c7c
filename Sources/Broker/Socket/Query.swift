/// The parameters of a request, each known to its route, and at most once but `resource`.
package struct Query: Equatable, Sendable {
    private static let lists: Set<String> = ["resource", "gid"]
    private var values: [String: [String]] = [:]

    /// Reads what follows the `?` of a target; `+` is a space.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` for an unknown or doubled parameter, or a bad escape.
    package init(parsing text: Substring, known: Set<String>) throws(BrokerError) {
        guard !text.isEmpty else { return }
        for pair in text.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = parts.first, let name = percentDecoded(first, plusIsSpace: true),
                let value = percentDecoded(parts.dropFirst().first ?? "", plusIsSpace: true)
            else { throw .badRequest("the query is malformed") }
            guard known.contains(name) else {
                throw .badRequest("the query has a parameter that is not known here")
            }
            if values[name] != nil && !Self.lists.contains(name) {
                throw .badRequest("the parameter \"\(name)\" comes twice")
            }
            values[name, default: []].append(value)
        }
    }

    /// The value of a parameter; nil if it is not there, or empty.
    package func text(_ name: String) -> String? {
        values[name]?.first.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// All values of a parameter that may come several times, without the empty ones.
    package func list(_ name: String) -> [String] {
        (values[name] ?? []).filter { !$0.isEmpty }
    }

    /// Whether a switch is on: `1`; off: `0`, or not there.
    package func isOn(_ name: String) throws(BrokerError) -> Bool {
        switch text(name) {
        case nil, "0", "false": false
        case "1", "true": true
        default: throw .badRequest("the parameter \"\(name)\" is 1 or 0")
        }
    }

    /// A duration, or whole seconds.
    package func duration(_ name: String) throws(BrokerError) -> Duration? {
        guard let text = text(name) else { return nil }
        guard let duration = Duration(textOrSeconds: text) else {
            throw .badRequest("the parameter \"\(name)\" is no duration, like 90s or 15m")
        }
        return duration
    }

    /// An unsigned integer.
    package func integer(_ name: String) throws(BrokerError) -> UInt64? {
        guard let text = text(name) else { return nil }
        guard let integer = UInt64(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw .badRequest("the parameter \"\(name)\" is no whole number") }
        return integer
    }
}
