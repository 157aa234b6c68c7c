internal import OAuth

/// The members of a metadata object that were not read yet.
struct MetadataMembers {
    private var left: [String: JSONValue] = [:]

    init(_ object: JSONValue) throws(BrokerError) {
        guard case .object(let members) = object else {
            throw .badRequest("the metadata is no JSON object")
        }
        for member in members { left[member.name] = member.value }
    }

    /// Takes a member out, whatever it is; `null` is as if it were not there.
    mutating func take(_ name: String) -> JSONValue? {
        let value = left.removeValue(forKey: name)
        return value == .null ? nil : value
    }

    /// Takes a text out; nil if it is not there or is none.
    mutating func takenText(_ name: String) -> String? {
        take(name)?.text
    }

    mutating func text(_ name: String) throws(BrokerError) -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.text, Self.isPlain(text, in: name) else {
            throw .badRequest("\(name) is no text without control characters")
        }
        return text.isEmpty ? nil : text
    }

    mutating func texts(_ name: String) throws(BrokerError) -> [String] {
        guard let value = take(name) else { return [] }
        guard case .array(let values) = value else { throw .badRequest("\(name) is no array") }
        let texts = values.compactMap(\.text)
        guard texts.count == values.count, texts.allSatisfy({ Self.isPlain($0, in: name) }) else {
            throw .badRequest("\(name) is no array of texts without control characters")
        }
        return texts
    }

    mutating func parameters(_ name: String) throws(BrokerError) -> [TokenRequest.Parameter] {
        guard let value = take(name) else { return [] }
        guard case .object(let members) = value else {
            throw .badRequest("\(name) is no object of texts")
        }
        var parameters: [TokenRequest.Parameter] = []
        for member in members {
            guard let text = member.value.text else {
                throw .badRequest("\(name) is no object of texts")
            }
            parameters.append(.init(name: member.name, value: text))
        }
        return parameters
    }

    mutating func bool(_ name: String) throws(BrokerError) -> Bool {
        switch take(name) {
        case nil: false
        case .bool(let value)?: value
        default: throw .badRequest("\(name) is true or false")
        }
    }

    mutating func integer(_ name: String) throws(BrokerError) -> Int64? {
        guard let value = take(name) else { return nil }
        guard case .number(let text) = value, let integer = Int64(text) else {
            throw .badRequest("\(name) is no integer")
        }
        return integer
    }

    /// Refuses what nobody read.
    func requireNoMore() throws(BrokerError) {
        guard let name = left.keys.sorted().first else { return }
        throw .badRequest("\"\(escaped(name))\" is no member of a credential")
    }

    // PEM has line ends, nothing else has.
    private static func isPlain(_ text: String, in name: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            if name == "ca_certificates", ["\n", "\r", "\t"].contains(scalar) { return true }
            return scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
        }
    }
}
