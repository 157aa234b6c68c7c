/// What happened, for one line of the audit trail: AuditTrail.md says what each member means.
///
/// It has no name of a credential, no token and no secret.
package struct AuditEvent: Sendable, Equatable {
    /// What kind of thing happened.
    package enum Kind: String, Sendable {
        // The first line of a file.
        case begun, continued, resumed
        /// A last line that a crash had left torn was put aside.
        case torn
        /// Lines could not be written, or could not all be taken in after the vault was locked.
        case dropped
        // What the vault is about to do: the line comes first.
        case create, add, change, remove, allow, disallow, passphrase
        /// The change that the line before announced was not made.
        case failed
        case start, stop, unlock, lock
        case wrongPassphrase = "wrong_passphrase"
        /// A token is paid out.
        case token
        case refused

        /// Whether its lines outlive the file they are in: what an administrator, or the broker itself, did.
        ///
        /// None of which callers can make many.
        var outlivesItsFile: Bool {
            switch self {
            case .continued, .torn, .token, .refused: false
            case .begun, .resumed, .dropped, .create, .add, .change, .remove, .allow, .disallow,
                .passphrase, .failed, .start, .stop, .lock, .unlock, .wrongPassphrase:
                true
            }
        }

        /// Whether it announces a change of the vault, which seals this line's hash.
        var announcesAChange: Bool {
            switch self {
            case .add, .change, .remove, .allow, .disallow, .passphrase: true
            default: false
            }
        }
    }

    package var kind: Kind
    package var caller: Caller?
    /// Whether it stands for several callers in containers.
    var isOfContained = false
    /// The record id of the credential.
    package var record: [UInt8]?
    package var revision: UInt64?
    package var scopes: [String] = []
    package var audience: String?
    package var resources: [String] = []
    /// Which rule decided.
    package var rule: String?
    /// The keyed hash of the token.
    package var tokenHash: [UInt8]?
    /// When the token ends, in seconds since 1970.
    package var expiresAt: Double?
    /// Why something was refused, or happened.
    package var reason: String?
    /// How many alike this line stands for, or what else there is to count.
    package var count: UInt64?
    /// The number of the first line that is kept: only in a file's first line.
    var keptFrom: UInt64?
    /// The hash that the line follows on: only in a file's first line.
    var previous: [UInt8]?
    /// Which segment the line belongs to: only while the vault is locked.
    var segment: String?
    /// For a line that was written while the vault was locked: when, and where.
    var whileLocked: LockedPlace?

    /// Where a line stood in a segment that was written while the vault was locked.
    struct LockedPlace: Sendable, Equatable {
        var time: String
        var segment: String
        var number: UInt64
    }

    package init(_ kind: Kind, by caller: Caller? = nil, reason: String? = nil) {
        self.kind = kind
        self.caller = caller
        self.reason = reason
    }
}
