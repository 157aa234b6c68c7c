package import Sodium

/// What chains the lines of a trail: a keyed hash, or while the vault is locked, one that anybody can make.
package final class TrailKeys: Sendable {
    private let chain: SharedSecret?
    private let token: SharedSecret?

    /// The keys of an unlocked vault.
    package init(chain: consuming Secret, token: consuming Secret) {
        self.chain = SharedSecret(chain)
        self.token = SharedSecret(token)
    }

    /// No keys: for lines that are written while the vault is locked.
    init() {
        chain = nil
        token = nil
    }

    /// The hash of a line that follows on another: AuditTrail.md, "The chain".
    func hash(_ body: [UInt8], after previous: [UInt8]) -> [UInt8] {
        var hash = Self.begin(chain)
        hash.append("bursar audit line 1")
        hash.append(previous)
        hash.append(body)
        return hash.finalize()
    }

    /// Whether a line follows on a hash.
    func isGenuine(_ line: TrailLine, after previous: [UInt8]) -> Bool {
        hash(line.body, after: previous).span.isEqualInConstantTime(to: line.hash.span)
    }

    /// What stands in the trail for a token.
    func hash(token bytes: Span<UInt8>) -> [UInt8] {
        var hash = Self.begin(token)
        hash.append("bursar audit token 1")
        hash.append(bytes)
        return hash.finalize()
    }

    private static func begin(_ key: SharedSecret?) -> KeyedHash {
        guard let key else { return KeyedHash() }
        return key.withSecret { KeyedHash(key: $0) }
    }
}
