internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import OAuth
internal import Vault

extension Desk {
    /// `POST /v1/credentials/{name}/allow`: a rule, in place of the one for the same user, group or unit.
    func allow(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        var members = try Self.members(request)
        let subject = try await subject(&members)
        var rule = AllowedCaller(subject: subject)
        try rule.readLimits(&members)
        try members.requireNoMore()
        let made = rule
        let changed = try await keeper.changeRules(
            of: name, at: rfc3339(clock.wallSeconds()), .allow, by: request.caller
        ) { rules throws(BrokerError) in
            rules.removeAll { $0.subject.isSame(as: subject) }
            guard rules.count < AllowedCaller.limit else {
                throw .badRequest("a credential has at most \(AllowedCaller.limit) rules")
            }
            rules.append(made)
        }
        var warnings: [String] = []
        if !access.policy.needsRules {
            warnings = [
                "others can't reach a user's own broker; rules count in the system's: "
                    + "bursar --system vault allow"
            ]
        }
        return .json(
            .ok,
            JSONValue.members([
                ("credential", changed.credential.shown(as: changed.record.name)),
                ("warnings", .array(warnings.map { .string($0) })),
            ]).encoded())
    }

    /// `POST /v1/credentials/{name}/disallow`: the rule for a user, group or unit is taken back.
    func disallow(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        var members = try Self.members(request)
        let (kind, text) = try Self.subjectText(&members)
        try members.requireNoMore()
        let changed = try await keeper.changeRules(
            of: name, at: rfc3339(clock.wallSeconds()), .disallow, by: request.caller
        ) { rules throws(BrokerError) in
            // A number is an id only where nobody has it for a name.
            let named = rules.filter { $0.subject.isNamed(kind, text) }
            let meant = named.isEmpty ? rules.filter { $0.subject.isNumbered(kind, text) } : named
            rules.removeAll { meant.contains($0) }
            guard !meant.isEmpty else {
                throw .noSuchRule(
                    name: name.description, subject: "\(kind.rawValue) \"\(escaped(text))\"")
            }
        }
        await cache.remove(credential: changed.record.id)
        return .json(
            .ok,
            JSONValue.members([
                ("credential", changed.credential.shown(as: changed.record.name))
            ]).encoded())
    }

    /// `GET /v1/credentials/{name}/explain`: which rule decides for a caller, and which nearly did.
    func explain(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        let ask = try TokenAsk(request.query)
        let caller = try await supposedCaller(request)
        let (record, credential) = try await keeper.credential(named: name)
        let allowance = Allowance(
            credential, in: CredentialRevision(id: record.id, revision: record.revision))
        var members: [(String, JSONValue)] = [("caller", .string(caller.description))]
        guard access.policy.needsRules else {
            let isAllowed = access.policy.standing(of: caller) == .administrator
            members.append(("allowed", .bool(isAllowed)))
            members.append(
                ("words", .string("a user's own broker answers that user and root alone")))
            return .json(.ok, JSONValue.members(members).encoded())
        }
        switch await Permission.decide(
            ask, by: caller, of: allowance, allowance.rules, access.accounts)
        {
        case .allowed(let rule):
            members.append(("allowed", .bool(true)))
            members.append(("rule", rule.json))
            members.append(("words", .string("the rule for \(rule.subject) allows it")))
        case .refused(let nearMisses):
            members.append(("allowed", .bool(false)))
            members.append(("words", .string("no rule allows it")))
            let nearly = nearMisses.map { miss in
                JSONValue.members([
                    ("rule", miss.rule.json),
                    (
                        "words",
                        .string("the rule for \(miss.rule.subject) does not: \(miss.reason)")
                    ),
                ])
            }
            members.append(("nearly", .array(nearly)))
        }
        return .json(.ok, JSONValue.members(members).encoded())
    }

    private static func members(_ request: Request) throws(BrokerError) -> MetadataMembers {
        let object: JSONValue
        do {
            object = try JSONValue(parsing: request.body.readableBytesUInt8Span)
        } catch {
            throw .badRequest("the rule is no JSON object, or has a member twice")
        }
        return try MetadataMembers(object)
    }

    private static func subjectText(
        _ members: inout MetadataMembers
    ) throws(BrokerError) -> (AllowedCaller.Subject.Kind, String) {
        var found: [(AllowedCaller.Subject.Kind, String)] = []
        for kind in AllowedCaller.Subject.Kind.allCases {
            if let text = try members.text(kind.rawValue) { found.append((kind, text)) }
        }
        guard found.count == 1, let only = found.first else {
            throw .badRequest("a rule is for one user, group or unit")
        }
        return (only.0, only.0 == .unit ? SystemdUnit.withSuffix(only.1) : only.1)
    }

    private func subject(
        _ members: inout MetadataMembers
    ) async throws(BrokerError) -> AllowedCaller.Subject {
        let (kind, text) = try Self.subjectText(&members)
        switch kind {
        case .user: return try await access.accounts.user(text)
        case .group: return try await access.accounts.group(text)
        case .unit:
            guard SystemdUnit.isService(text) else {
                throw .badRequest("\"\(escaped(text))\" is no service of the machine: NAME.service")
            }
            return .unit(text)
        }
    }

    /// The caller that an explanation is about: the one that is described, else the one that asks.
    private func supposedCaller(_ request: Request) async throws(BrokerError) -> Caller {
        let query = request.query
        let names = ["uid", "unit", "container"]
        guard names.contains(where: { query.text($0) != nil }) || !query.list("gid").isEmpty
        else { return request.caller }
        var caller = Caller.nobody
        caller.isContained = try query.isOn("container")
        caller.unit = query.text("unit").map(SystemdUnit.withSuffix)
        let groups = query.list("gid").map { UInt32($0) }
        guard !groups.contains(nil) else { throw .badRequest("a gid is a number") }
        caller.groups = groups.compactMap(\.self)
        caller.gid = caller.groups.first ?? caller.gid
        if let text = query.text("uid") {
            guard let uid = UInt32(text) else { throw .badRequest("a uid is a number") }
            caller.uid = uid
            if groups.isEmpty { caller.groups = await access.accounts.groups(ofUser: uid) }
        }
        return caller
    }
}

extension AllowedCaller.Subject {
    /// The kinds of subjects, by the words of `vault allow`.
    package enum Kind: String, Sendable, CaseIterable {
        case user
        case group
        case unit
    }

    /// Whether a person means this one by a kind and a name.
    package func isNamed(_ kind: Kind, _ text: String) -> Bool {
        switch (self, kind) {
        case (.user(_, let name), .user), (.group(_, let name), .group): name == text
        case (.unit(let name), .unit): name == text
        default: false
        }
    }

    /// Whether a person means this one by a kind and a number.
    package func isNumbered(_ kind: Kind, _ text: String) -> Bool {
        switch (self, kind) {
        case (.user(let id, _), .user), (.group(let id, _), .group): String(id) == text
        default: false
        }
    }
}

extension Caller: CustomStringConvertible {
    /// The caller in words.
    package var description: String {
        var words = ["uid \(uid)"]
        let ids = groups.contains(gid) || self.gid == Self.nobody.gid ? groups : [gid] + groups
        if !ids.isEmpty { words.append("gid " + ids.map(String.init).joined(separator: " ")) }
        if let unit { words.append("unit \(escaped(unit))") }
        if isContained { words.append("in a container") }
        return words.joined(separator: ", ")
    }
}
