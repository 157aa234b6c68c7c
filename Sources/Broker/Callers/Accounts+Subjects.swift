internal import Host
internal import OAuth

extension Accounts {
    /// The user that a person means by a name or a number.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` if there is no such user, or if its id stands for nobody in
    ///   particular: `nobody`, the overflow ids, and those that systemd gives out anew each time.
    func user(_ text: String) async throws(BrokerError) -> AllowedCaller.Subject {
        let id = try await id("user", text) { try AccountDatabase.user(named: $0)?.uid }
        guard let name = await fresh(.user(id), { await $0.userName(id) }) else {
            throw .badRequest("there is no user \"\(escaped(text))\"")
        }
        return .user(id: id, name: name)
    }

    /// The group that a person means by a name or a number.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` in the same way.
    func group(_ text: String) async throws(BrokerError) -> AllowedCaller.Subject {
        let id = try await id("group", text) { try AccountDatabase.group(named: $0) }
        guard let name = await fresh(.group(id), { await $0.groupName(id) }) else {
            throw .badRequest("there is no group \"\(escaped(text))\"")
        }
        return .group(id: id, name: name)
    }

    /// All groups of a user, its primary one included; none if nobody can tell in time.
    func groups(ofUser uid: UInt32) async -> [UInt32] {
        await ask { try? AccountDatabase.groups(ofUser: uid) }?.flatMap(\.self) ?? []
    }

    private func id(
        _ kind: String, _ text: String, _ lookUp: @escaping @Sendable (String) throws -> UInt32?
    ) async throws(BrokerError) -> UInt32 {
        let found = await ask { Result { try lookUp(text) } }
        guard case .success(let named)? = found else {
            throw .badRequest("the name services do not answer")
        }
        let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard let id = named ?? (isNumber ? UInt32(text) : nil) else {
            throw .badRequest("there is no \(kind) \"\(escaped(text))\"")
        }
        guard !Self.isNobody(id) else {
            throw .badRequest(
                "the \(kind) \"\(escaped(text))\" (id \(id)) is nobody in particular: "
                    + "its id is given to whoever has none")
        }
        return id
    }

    /// Whether an id belongs to nobody in particular: 65534 and the overflow values, and what systemd gives
    /// to units with `DynamicUser=`
    /// ([systemd's list of ids](https://systemd.io/UIDS-GIDS/)).
    static func isNobody(_ id: UInt32) -> Bool {
        (61184...65519).contains(id) || (65534...65535).contains(id) || id >= UInt32.max - 1
    }

    // A rule is made by what is true now, not some seconds ago.
    private func fresh(
        _ account: Account, _ body: (isolated Accounts) async -> String?
    ) async -> String? {
        forget(account)
        return await body(self)
    }
}
