internal import OAuth

/// A rule of a credential: whom it allows what.
package struct AllowedCaller: Sendable, Equatable {
    /// Whom a rule is for.
    package enum Subject: Sendable, Hashable {
        /// A user, by the id and the name that belonged together when the rule was made.
        case user(id: UInt32, name: String)
        /// A group, in the same way.
        case group(id: UInt32, name: String)
        /// A systemd unit of the machine, such as `app.service`.
        case unit(String)
    }

    /// What for.
    package enum Use: String, Sendable, CaseIterable {
        /// The token is paid out.
        case token
        /// The token is used in the injecting proxy, and not paid out.
        case proxy
        /// Proofs are made with its key.
        case proof
    }

    package var subject: Subject
    /// The scopes that may be asked for; nil for those that the credential has itself.
    package var scopes: [String]?
    /// The audiences that may be asked for; nil for the one that the credential has itself.
    package var audiences: [String]?
    /// The resources that may be asked for; nil for those that the credential has itself.
    package var resources: [String]?
    package var uses: [Use] = [.token]
    /// Whether callers in containers are meant too.
    package var includesContainers = false
    /// Most tokens that each uid gets by this rule in any minute.
    package var maxPerMinute: Int?

    /// A rule that allows a credential's own values.
    package init(subject: Subject) {
        self.subject = subject
    }
}

extension AllowedCaller {
    /// Most rules of one credential.
    package static let limit = 256
    /// The highest limit of a rule: each payout of the last minute is remembered.
    package static let maxPerMinuteLimit = 10_000

    /// Reads a rule as the vault has it.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` for anything else than what ``json`` makes.
    init(_ json: JSONValue) throws(BrokerError) {
        var members = try MetadataMembers(json)
        let id = try members.integer("id").flatMap { UInt32(exactly: $0) }
        let kind = try members.text("kind")
        guard let name = try members.text("name") else { throw .badRequest("a rule has no name") }
        switch (kind, id) {
        case ("user", let id?): self.init(subject: .user(id: id, name: name))
        case ("group", let id?): self.init(subject: .group(id: id, name: name))
        case ("unit", nil): self.init(subject: .unit(name))
        default: throw .badRequest("a rule is for nobody")
        }
        try readLimits(&members)
        try members.requireNoMore()
    }

    /// Reads what a rule allows, but not whom.
    mutating func readLimits(_ members: inout MetadataMembers) throws(BrokerError) {
        func list(_ name: String) throws(BrokerError) -> [String]? {
            let texts = try members.texts(name)
            return texts.isEmpty ? nil : texts
        }
        scopes = try list("scopes")
        audiences = try list("audiences")
        resources = try list("resources")
        if let names = try list("uses") {
            let known = names.compactMap { Use(rawValue: $0) }
            guard known.count == names.count else {
                throw .badRequest("a use is token, proxy or proof")
            }
            uses = Use.allCases.filter(known.contains)
        }
        includesContainers = try members.bool("container")
        if let count = try members.integer("max_per_minute") {
            guard (1...Self.maxPerMinuteLimit).contains(Int(clamping: count)) else {
                throw .badRequest("max_per_minute is 1 to \(Self.maxPerMinuteLimit)")
            }
            maxPerMinute = Int(count)
        }
        do throws(OAuthError) {
            _ = try TokenRequest(
                scopes: scopes ?? [], audience: audiences?.first, resources: resources ?? [])
        } catch {
            throw .badCredential(error)
        }
    }

    /// The rule as the vault keeps it, and as administrators see it.
    var json: JSONValue {
        var members: [(String, JSONValue)] = []
        switch subject {
        case .user(let id, let name):
            members = [
                ("kind", .string("user")), ("id", .integer(Int64(id))), ("name", .string(name)),
            ]
        case .group(let id, let name):
            members = [
                ("kind", .string("group")), ("id", .integer(Int64(id))), ("name", .string(name)),
            ]
        case .unit(let name): members = [("kind", .string("unit")), ("name", .string(name))]
        }
        func add(_ name: String, _ texts: [String]?) {
            if let texts { members.append((name, .array(texts.map { .string($0) }))) }
        }
        add("scopes", scopes)
        add("audiences", audiences)
        add("resources", resources)
        add("uses", uses.map(\.rawValue))
        if includesContainers { members.append(("container", .bool(true))) }
        if let maxPerMinute {
            members.append(("max_per_minute", .integer(Int64(maxPerMinute))))
        }
        return .members(members)
    }
}

extension AllowedCaller.Subject: CustomStringConvertible {
    /// Whom, in words.
    package var description: String {
        switch self {
        case .user(let id, let name): "user \(name) (uid \(id))"
        case .group(let id, let name): "group \(name) (gid \(id))"
        case .unit(let name): "unit \(name)"
        }
    }

    /// Whether both are for the same user, group or unit, so that one rule replaces the other.
    func isSame(as other: Self) -> Bool {
        switch (self, other) {
        case (.user(let one, _), .user(let other, _)), (.group(let one, _), .group(let other, _)):
            one == other
        case (.unit(let one), .unit(let other)): one == other
        default: false
        }
    }
}
