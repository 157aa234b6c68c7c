/// What a request is about: an exact path, and one of the methods that it takes.
package enum Route: Equatable, Sendable {
    case token(CredentialName)
    case status
    case credentials
    case credential(CredentialName)
    case putCredential(CredentialName)
    case removeCredential(CredentialName)
    case allow(CredentialName)
    case disallow(CredentialName)
    case explain(CredentialName)
    case unlock
    case lock
    case createVault
    case changePassphrase
    case check
    case doctor
    case stop
    case audit
    case auditSearch
    case metrics

    /// Finds the route of a method and a path without its query.
    ///
    /// - Throws: ``BrokerError/notFound``, ``BrokerError/methodNotAllowed(allowed:)``, or
    ///   ``BrokerError/badRequest(_:)`` for a name that is none.
    package init(method: String, path: String) throws(BrokerError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path == "/metrics" || (path.hasPrefix("/v1/") && parts.first == "v1") else {
            throw .notFound
        }
        let routes: [String: Route]
        switch Array(parts.dropFirst()) {
        case [] where path == "/metrics": routes = ["GET": .metrics]
        case ["status"]: routes = ["GET": .status]
        case ["credentials"]: routes = ["GET": .credentials]
        case ["unlock"]: routes = ["POST": .unlock]
        case ["lock"]: routes = ["POST": .lock]
        case ["vault"]: routes = ["POST": .createVault]
        case ["passphrase"]: routes = ["POST": .changePassphrase]
        case ["check"]: routes = ["POST": .check]
        case ["doctor"]: routes = ["GET": .doctor]
        case ["stop"]: routes = ["POST": .stop]
        case ["audit"]: routes = ["GET": .audit]
        case ["audit", "search"]: routes = ["POST": .auditSearch]
        case let rest where rest.count == 2 && rest[0] == "credentials":
            let name = try Self.name(rest[1])
            routes = [
                "GET": .credential(name), "PUT": .putCredential(name),
                "DELETE": .removeCredential(name),
            ]
        case let rest where rest.count == 3 && rest[0] == "credentials":
            switch rest[2] {
            case "token": routes = ["GET": .token(try Self.name(rest[1]))]
            case "allow": routes = ["POST": .allow(try Self.name(rest[1]))]
            case "disallow": routes = ["POST": .disallow(try Self.name(rest[1]))]
            case "explain": routes = ["GET": .explain(try Self.name(rest[1]))]
            default: throw .notFound
            }
        default: throw .notFound
        }
        guard let route = routes[method] else {
            throw .methodNotAllowed(allowed: routes.keys.sorted())
        }
        self = route
    }

    private static func name(_ segment: Substring) throws(BrokerError) -> CredentialName {
        guard let text = percentDecoded(segment, plusIsSpace: false),
            let name = CredentialName(text)
        else { throw .badRequest("the path names no credential") }
        return name
    }

    /// The query parameters that the route takes.
    package var parameters: Set<String> {
        switch self {
        case .token: ["scope", "audience", "resource", "min_valid", "fresh", "timeout"]
        case .explain:
            ["uid", "gid", "unit", "container", "scope", "audience", "resource", "use"]
        case .unlock: ["for", "accept_older"]
        case .createVault: ["kdf"]
        case .check: ["file"]
        case .audit: ["after", "last", "limit", "wait", "verify"]
        case .auditSearch: ["after"]
        case .doctor: ["connect"]
        default: []
        }
    }

    /// The most bytes that its body may have; 0 for none.
    package var bodyLimit: Int {
        switch self {
        case .putCredential: 512 * 1024
        case .allow, .disallow: 64 * 1024
        case .unlock, .createVault, .check: Self.passphraseLimit
        case .changePassphrase: 4 + 2 * Self.passphraseLimit
        case .auditSearch: Self.tokenLimit
        default: 0
        }
    }

    /// Whether a caller of that standing may use it at all.
    package func isOpen(to standing: CallerPolicy.Standing) -> Bool {
        switch (standing, self) {
        case (.administrator, _): true
        case (.stranger, _): false
        case (_, .token), (_, .status), (_, .credentials), (.scraper, .metrics): true
        default: false
        }
    }

    /// Whether its body is raw passphrases, or a token, and nothing else.
    package var takesPassphrase: Bool {
        switch self {
        case .unlock, .createVault, .check, .changePassphrase, .auditSearch: true
        default: false
        }
    }

    /// The most bytes of a token: what a token endpoint may answer.
    package static let tokenLimit = 256 * 1024

    /// The most bytes of a passphrase.
    package static let passphraseLimit = 64 * 1024
}

/// Decodes `%41`, once; nil if an escape is malformed or the bytes are no UTF-8.
package func percentDecoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "%"):
            guard rest.count >= 2, let value = UInt8(hexDigits: rest.prefix(2)) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

extension UInt8 {
    fileprivate init?(hexDigits: Substring.UTF8View) {
        guard hexDigits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let value = UInt8(String(Substring(hexDigits)), radix: 16)
        else { return nil }
        self = value
    }
}
