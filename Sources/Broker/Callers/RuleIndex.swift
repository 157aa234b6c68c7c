/// What a permission is decided by: a credential's rules, and what it asks for where a caller names nothing.
package struct Allowance: Sendable, Equatable {
    /// The record that it was read from.
    package let record: CredentialRevision
    package let scopes: [String]
    package let audience: String?
    package let resources: [String]
    package let rules: [AllowedCaller]

    /// Takes from a credential what matters.
    package init(_ credential: Credential, in record: CredentialRevision) {
        self.record = record
        scopes = credential.scopes
        audience = credential.audience
        resources = credential.resources
        rules = credential.allowedCallers
    }
}

/// The rules of all credentials in memory.
///
/// Who is refused costs no look into the vault, so that neither the time it takes nor the work it makes tells
/// what is there. Credentials without rules are not in it.
package struct RuleIndex: Sendable {
    private var allowances: [String: Allowance] = [:]
    private var names: [AllowedCaller.Subject.Key: Set<String>] = [:]

    /// An index of nothing.
    package init() {}

    /// The rules of a credential; nil if it has none, or does not exist.
    package subscript(name: String) -> Allowance? { allowances[name] }

    /// Puts the state of a credential in; nil for one that was removed.
    package mutating func set(_ name: String, _ allowance: Allowance?) {
        if let old = allowances.removeValue(forKey: name) {
            for rule in old.rules { remove(name, rule.subject.key) }
        }
        guard let allowance, !allowance.rules.isEmpty else { return }
        allowances[name] = allowance
        for rule in allowance.rules { names[rule.subject.key, default: []].insert(name) }
    }

    private mutating func remove(_ name: String, _ key: AllowedCaller.Subject.Key) {
        names[key]?.remove(name)
        if names[key]?.isEmpty == true { names[key] = nil }
    }

    /// The credentials that have a rule for the caller, by number or by unit, sorted by name.
    package func names(for caller: Caller) -> [String] {
        var keys: Set<AllowedCaller.Subject.Key> = [.user(caller.uid), .group(caller.gid)]
        for group in caller.groups { keys.insert(.group(group)) }
        if let unit = caller.unit { keys.insert(.unit(unit)) }
        return keys.reduce(into: Set<String>()) { $0.formUnion(names[$1] ?? []) }.sorted()
    }
}

extension AllowedCaller.Subject {
    /// What tells one subject from another, whatever its name is today.
    package enum Key: Sendable, Hashable {
        case user(UInt32)
        case group(UInt32)
        case unit(String)
    }

    /// What tells it from others.
    package var key: Key {
        switch self {
        case .user(let id, _): .user(id)
        case .group(let id, _): .group(id)
        case .unit(let name): .unit(name)
        }
    }
}
