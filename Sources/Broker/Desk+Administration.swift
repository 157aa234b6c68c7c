internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import OAuth
internal import Sodium
internal import Synchronization
internal import Vault

extension Desk {
    /// `GET /v1/status`.
    func status(_ request: Request) async -> [UInt8] {
        let isLocked = await keeper.isLocked
        var members: [(String, JSONValue)] = [
            ("version", .string(Version.current)), ("locked", .bool(isLocked)),
        ]
        guard request.isAdministrator else { return JSONValue.members(members).encoded() }
        members += [
            ("pid", .integer(Int64(ProcessIdentity.pid))), ("vault", .string(vaultPath)),
            ("socket", .string(socketPath.withLock(\.self))),
        ]
        if !isLocked, let count = try? await keeper.count() {
            members.append(("credentials", .integer(Int64(count))))
        }
        if let until = await keeper.unlockedUntil {
            members.append(("unlocked_until", .string(rfc3339(clock.wallSeconds(at: until)))))
        }
        let warnings = await expiryWarnings()
        if !warnings.isEmpty {
            members.append(("warnings", .array(warnings.map { .string($0) })))
        }
        return JSONValue.members(members).encoded()
    }

    /// `GET /v1/credentials`.
    func credentials(_ request: Request) async throws(BrokerError) -> Answer {
        guard request.isAdministrator else { return try await ownCredentials(request.caller) }
        let all = try await keeper.credentials()
        let list = all.map { $0.credential.shown(as: $0.record.name) }
        return .json(.ok, JSONValue.members([("credentials", .array(list))]).encoded())
    }

    /// `GET /v1/credentials/{name}`.
    func credential(_ name: CredentialName) async throws(BrokerError) -> Answer {
        let (record, credential) = try await keeper.credential(named: name)
        return .json(.ok, credential.shown(as: record.name).encoded())
    }

    /// `PUT /v1/credentials/{name}`: metadata, then perhaps NUL and the secret.
    func put(_ name: CredentialName, _ request: Request) async throws(BrokerError) -> Answer {
        let bytes = request.body.readableBytesUInt8Span
        var end = 0
        while end < bytes.count && bytes[end] != 0 { end += 1 }
        var credential = try Credential(parsing: bytes.extracting(0..<end))
        var secret: SharedSecret?
        if end < bytes.count {
            secret = try Self.secret(bytes.extracting((end + 1)..<bytes.count))
        }
        guard credential.method != .none || secret == nil else {
            throw .badRequest("a client that authenticates by none has no secret")
        }
        let now = rfc3339(clock.wallSeconds())
        let old = try? await keeper.credential(named: name)
        credential.createdAt = old?.credential.createdAt ?? now
        credential.updatedAt = now
        if credential.method == .none {
            // A record always has one; this stands for none.
            secret = SharedSecret(Secret(copying: [UInt8](repeating: 0, count: 1).span))
        } else if secret == nil, old == nil {
            if await keeper.isLocked { throw .locked }
            throw .vault(.noSuchCredential(name: name.description))
        }
        let record: Record
        let isNew: Bool
        do throws(BrokerError) {
            (record, credential, isNew) = try await keeper.put(
                name, credential, secret: secret, onlyAdds: request.onlyAdds,
                by: request.caller)
        } catch {
            if let old, error.mayHaveChangedTheVault {
                await cache.remove(credential: old.record.id)
            }
            throw error
        }
        await cache.remove(credential: record.id)
        return .json(isNew ? .created : .ok, credential.shown(as: record.name).encoded())
    }

    private static func secret(_ bytes: Span<UInt8>) throws(BrokerError) -> SharedSecret {
        guard bytes.count > 0 else { throw .badRequest("the secret is empty") }
        guard bytes.count <= 65_536 else {
            throw .badRequest("the secret has more than 65,536 bytes")
        }
        return SharedSecret(Secret(copying: bytes))
    }

    /// `DELETE /v1/credentials/{name}`.
    func remove(
        _ name: CredentialName, _ request: Request
    ) async throws(BrokerError) -> Answer {
        let id = try await keeper.credential(named: name).record.id
        do throws(BrokerError) {
            _ = try await keeper.remove(name, by: request.caller)
        } catch {
            if error.mayHaveChangedTheVault { await cache.remove(credential: id) }
            throw error
        }
        await cache.remove(credential: id)
        metrics.forget(credential: id)
        return Answer(status: .noContent)
    }

    /// `POST /v1/unlock`.
    func unlock(_ request: Request) async throws(BrokerError) -> Answer {
        let duration = try request.query.duration("for")
        if let duration, duration <= .zero {
            throw .badRequest("an unlocking lasts longer than 0 s")
        }
        let warnings = try await keeper.unlock(
            passphrase: try Self.passphrase(request.body), for: duration,
            acceptsOlder: try request.query.isOn("accept_older"), by: request.caller)
        return .json(
            .ok,
            JSONValue.members([
                ("locked", .bool(false)), ("warnings", .array(warnings.map { .string($0) })),
            ]).encoded())
    }

    /// `POST /v1/lock`.
    func locked(_ request: Request) async -> Answer {
        await lock(AuditEvent(.lock, by: request.caller))
        return .json(.ok, JSONValue.members([("locked", .bool(true))]).encoded())
    }

    /// `POST /v1/vault`: a new vault.
    func createVault(_ request: Request) async throws(BrokerError) -> Answer {
        let parameters: PasswordHash.Parameters
        switch request.query.text("kdf") {
        case "interactive": parameters = .interactive
        case nil, "moderate": parameters = .moderate
        case "sensitive": parameters = .sensitive
        default: throw .badRequest("kdf is interactive, moderate or sensitive")
        }
        try await keeper.create(
            passphrase: try Self.passphrase(request.body), parameters: parameters,
            by: request.caller)
        return .json(.created, JSONValue.members([("vault", .string(vaultPath))]).encoded())
    }

    /// `POST /v1/passphrase`: the current one and the new one.
    func changePassphrase(_ request: Request) async throws(BrokerError) -> Answer {
        var body = request.body
        guard let length = body.readInteger(as: UInt32.self), length <= body.readableBytes,
            let current = body.readSlice(length: Int(length))
        else { throw .badRequest("the body is not two passphrases") }
        let warnings = try await keeper.changePassphrase(
            current: try Self.passphrase(current), new: try Self.passphrase(body),
            by: request.caller)
        return .json(
            .ok,
            JSONValue.members([("warnings", .array(warnings.map { .string($0) }))]).encoded())
    }

    /// `POST /v1/check`: the open vault, or another file.
    func check(_ request: Request) async throws(BrokerError) -> Answer {
        let count: Int
        let path: String
        if let file = request.query.text("file") {
            path = file
            guard file.hasPrefix("/") else { throw .badRequest("the file's path is relative") }
            count = try await keeper.check(
                file: file, passphrase: try Self.passphrase(request.body))
        } else {
            path = vaultPath
            do throws(BrokerError) {
                count = try await keeper.check()
            } catch {
                await lock()
                throw error
            }
        }
        return .json(
            .ok,
            JSONValue.members([
                ("vault", .string(path)), ("credentials", .integer(Int64(count))),
            ]).encoded())
    }

    /// `POST /v1/stop`.
    func stopped() -> Answer {
        stop.yield()
        var answer = Answer.json(.accepted, JSONValue.members([]).encoded())
        answer.closes = true
        return answer
    }

    private static func passphrase(_ body: ByteBuffer) throws(BrokerError) -> SharedSecret {
        let bytes = body.readableBytesUInt8Span
        guard bytes.count > 0 else { throw .badRequest("the passphrase is empty") }
        guard bytes.count <= Route.passphraseLimit else {
            throw .badRequest("the passphrase has more than 65,536 bytes")
        }
        return SharedSecret(Secret(copying: bytes))
    }
}
