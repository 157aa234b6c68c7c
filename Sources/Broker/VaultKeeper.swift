internal import Host
package import NIOPosix
package import Sodium
package import Vault

/// Owns the vault: its file, its lock, and for as long as it is unlocked, its master key.
package actor VaultKeeper {
    let location: VaultLocation
    private let fileLock: VaultLock
    let clock: BrokerClock
    let threads: NIOThreadPool
    let trailThreads: NIOThreadPool
    /// What is noted of all this.
    package nonisolated let audit: AuditTrail
    var vault: Vault?
    var lockAt: ContinuousClock.Instant?
    // What was opened lately: opening and reading metadata takes longer than all else about a cached token.
    private var known: [CredentialName: (record: Record, credential: Credential)] = [:]
    /// The rules of all credentials, as far as they were read since the last unlocking.
    var rules = Rules()
    private static let mostKnown = 1024
    private static let mostKnownBytes = 8 << 20
    private var knownByteCount = 0
    var failures = 0
    // Counts them, so that an unlocking that began before one does not end after it.
    var lockings = 0
    // When each secret ends, once somebody has asked; and how often the vault was changed.
    var expiries: [String: Double]?
    var changes: UInt64 = 0
    // The names behind record ids, once somebody has read the audit trail.
    var names: [[UInt8]: String] = [:]
    var knowsNames = false
    // Passphrases are tried one after the other, so that each waits for what the one before has cost.
    var isTrying = false
    var nextTries: [CheckedContinuation<Void, Never>] = []

    /// Most bytes of a credential's metadata, as the vault keeps it.
    package static let longestMetadata = 512 << 10

    /// Opens the vault if there is one.
    ///
    /// - Parameters:
    ///   - location: where the vault is, or will be.
    ///   - fileLock: the lock on it, held already.
    ///   - threads: where Argon2 runs: one thread, so that one runs at a time.
    ///   - trailThreads: where the audit trail is read; nil for the same thread.
    ///   - trailLimits: what the audit trail is bounded to.
    ///   - clock: what measures `unlock --for`.
    /// - Throws: ``BrokerError/vault(_:)`` if the file can't be used.
    package init(
        location: VaultLocation, fileLock: VaultLock, threads: NIOThreadPool,
        trailThreads: NIOThreadPool? = nil, trailLimits: TrailLimits = TrailLimits(),
        clock: BrokerClock = .system
    ) throws(BrokerError) {
        self.location = location
        self.fileLock = fileLock
        self.clock = clock
        self.threads = threads
        self.trailThreads = trailThreads ?? threads
        audit = AuditTrail(folder: location.stateFolder, limits: trailLimits, clock: clock)
        guard Vault.exists(at: location.file) else { return }
        do {
            let opened = try Vault(opening: location, lock: fileLock)
            audit.close(vaultID: opened.id)
            vault = opened
        } catch {
            throw .vault(error)
        }
    }

    /// How many passphrases in a row were wrong.
    package var failureCount: Int { failures }

    /// Whether no secret can be opened now.
    package var isLocked: Bool {
        lockIfDue()
        return vault?.isLocked ?? true
    }

    /// When the vault locks itself; nil if it does not.
    package var unlockedUntil: ContinuousClock.Instant? {
        isLocked ? nil : lockAt
    }

    /// Makes the vault, and leaves it unlocked.
    ///
    /// - Throws: ``BrokerError``; with ``BrokerError/trail(_:)`` the vault is made all the same.
    package func create(
        passphrase: SharedSecret, parameters: PasswordHash.Parameters, by caller: Caller? = nil
    ) async throws(BrokerError) {
        guard !Vault.exists(at: location.file) else {
            throw .vault(.vaultExists(path: location.file))
        }
        let keyslot = try await newKeyslot(passphrase, parameters)
        // One that was open here has been removed; it must not write beside its successor.
        if !Vault.exists(at: location.file) {
            lockings += 1
            try? close()
        }
        do {
            let made = try Vault.create(at: location, lock: fileLock, keyslot: keyslot)
            vault = made
            _ = try openTrail(of: made)
        } catch {
            throw .vault(error)
        }
        try announce(AuditEvent(.create, by: caller))
        checkpoint()
    }

    /// Forgets the master key, and lets go of the file: what is there at the next unlocking is looked at
    /// anew.
    ///
    /// - Parameter event: why, for the audit trail.
    package func lock(_ event: AuditEvent = AuditEvent(.lock)) {
        lockings += 1
        closeTrail(event)
        try? close()
    }

    /// One credential, with the record that holds it.
    package func credential(
        named name: CredentialName
    ) throws(BrokerError) -> (record: Record, credential: Credential) {
        let vault = try unlocked()
        let record = try asBrokerError { () throws(VaultError) in
            try vault.record(named: name.description)
        }
        return (record, try Self.credential(in: record))
    }

    /// The same from memory, if it was asked for lately: for tokens.
    package func knownCredential(
        named name: CredentialName
    ) throws(BrokerError) -> (record: Record, credential: Credential) {
        _ = try unlocked()
        if let known = known[name] { return known }
        let read = try credential(named: name)
        knownByteCount += read.record.metadata.count
        while known.count >= Self.mostKnown || knownByteCount > Self.mostKnownBytes,
            let other = known.keys.first
        {
            forget(other)
        }
        known[name] = read
        return read
    }

    private func forget(_ name: CredentialName) {
        guard let gone = known.removeValue(forKey: name) else { return }
        knownByteCount -= gone.record.metadata.count
    }

    /// All credentials, sorted by name.
    package func credentials() throws(BrokerError) -> [(record: Record, credential: Credential)] {
        let vault = try unlocked()
        let records = try asBrokerError { () throws(VaultError) in try vault.records() }
        var credentials: [(record: Record, credential: Credential)] = []
        for record in records { credentials.append((record, try Self.credential(in: record))) }
        return credentials
    }

    /// How many credentials there are.
    package func count() throws(BrokerError) -> Int {
        try unlocked().count
    }

    /// Opens a client secret, for the moment of a token request.
    package func secret(of record: Record) throws(BrokerError) -> Secret {
        let vault = try unlocked()
        let destination = try Self.credential(in: record).destination
        return try asBrokerError { () throws(VaultError) in
            try vault.secret(of: record, destination: destination)
        }
    }

    /// Seals a credential: a new one, or another state of one that is there.
    ///
    /// - Parameters:
    ///   - name: what it is called.
    ///   - credential: its metadata, whole.
    ///   - secret: its secret; nil to keep the one it has.
    ///   - onlyAdds: whether one that is there must stay as it is.
    ///   - caller: who changes it, for the audit trail.
    /// - Returns: the record, the credential as it is now, and whether it is a new one.
    /// - Throws: ``BrokerError``; where the vault could not be synced, the change may be in it.
    package func put(
        _ name: CredentialName, _ credential: Credential, secret: SharedSecret?, onlyAdds: Bool,
        by caller: Caller? = nil
    ) throws(BrokerError) -> (record: Record, credential: Credential, isNew: Bool) {
        let vault = try unlocked()
        forget(name)
        let expiries = takeExpiries()
        let exists = try asBrokerError { () throws(VaultError) in
            try vault.contains(name.description)
        }
        if exists && onlyAdds { throw .vault(.credentialExists(name: name.description)) }
        var credential = credential
        if exists {
            credential.allowedCallers = try self.credential(named: name).credential.allowedCallers
        }
        let destination = credential.destination
        let text = name.description
        let metadata = try Self.metadata(credential)
        let old = exists ? try record(named: text) : nil
        let id = old?.id ?? .random(byteCount: Vault.recordIDByteCount)
        names[id] = text
        var event = AuditEvent(exists ? .change : .add, by: caller)
        event.record = id
        event.revision = (old?.revision ?? 0) + 1
        let record = try announced(event) { () throws(BrokerError) in
            guard let secret else {
                return try self.keepingSecret(text, credential)
            }
            return try self.asBrokerError { () throws(VaultError) in
                try secret.withSecret { secret throws(VaultError) in
                    if exists {
                        try vault.replace(
                            name: text, metadata: metadata, destination: destination,
                            secret: secret)
                    } else {
                        try vault.add(
                            name: text, metadata: metadata, destination: destination,
                            secret: secret, id: id)
                    }
                }
            }
        }
        noteChange(name, credential.expiresAt, in: expiries)
        noteRules(text, record)
        return (record, credential, !exists)
    }

    /// Changes who gets a credential's tokens, by what the rules are at this moment.
    ///
    /// - Returns: the record and the credential after the change, and what `change` returns.
    package func changeRules<R>(
        of name: CredentialName, at time: String, _ kind: AuditEvent.Kind = .change,
        by caller: Caller? = nil, _ change: (inout [AllowedCaller]) throws(BrokerError) -> R
    ) throws(BrokerError) -> (record: Record, credential: Credential, result: R) {
        forget(name)
        let old = try self.credential(named: name)
        var credential = old.credential
        let result = try change(&credential.allowedCallers)
        credential.updatedAt = time
        var event = AuditEvent(kind, by: caller)
        event.record = old.record.id
        event.revision = old.record.revision + 1
        let record = try announced(event) { () throws(BrokerError) in
            try self.keepingSecret(name.description, credential)
        }
        noteRules(name.description, record)
        return (record, credential, result)
    }

    private static func metadata(_ credential: Credential) throws(BrokerError) -> [UInt8] {
        let metadata = credential.encoded()
        guard metadata.count <= longestMetadata else {
            throw .badRequest("the metadata has more than \(longestMetadata) bytes")
        }
        return metadata
    }

    private func record(named name: String) throws(BrokerError) -> Record {
        let vault = try unlocked()
        return try asBrokerError { () throws(VaultError) in try vault.record(named: name) }
    }

    private func keepingSecret(
        _ name: String, _ credential: Credential
    ) throws(BrokerError) -> Record {
        let metadata = try Self.metadata(credential)
        do {
            return try unlocked().update(
                name: name, metadata: metadata, destination: credential.destination)
        } catch VaultError.destinationChanged {
            throw .destinationChanged(name: name)
        } catch let error as VaultError {
            throw .vault(error)
        } catch let error as BrokerError {
            throw error
        } catch {
            throw .internalFault("an unknown error of the vault")
        }
    }

    /// Removes a credential; its name stays in the vault, sealed, for the audit trail.
    package func remove(
        _ name: CredentialName, by caller: Caller? = nil
    ) throws(BrokerError) -> Record {
        let vault = try unlocked()
        forget(name)
        let expiries = takeExpiries()
        let old = try record(named: name.description)
        var event = AuditEvent(.remove, by: caller)
        event.record = old.id
        event.revision = old.revision + 1
        let record = try announced(event) { () throws(BrokerError) in
            try self.asBrokerError { () throws(VaultError) in
                try vault.remove(name: name.description)
            }
        }
        noteChange(name, nil, in: expiries)
        noteRules(name.description, nil)
        return record
    }

    /// Reads every seal of the open vault.
    ///
    /// - Returns: how many credentials it has.
    package func check() throws(BrokerError) -> Int {
        let vault = try unlocked()
        do {
            try vault.check(destination: Self.destination)
            return vault.count
        } catch {
            // Whatever it was: nothing more is read from, or written to, this file before it is opened anew.
            lock(AuditEvent(.lock, reason: Self.damage))
            throw .vault(error)
        }
    }

    /// Reads every seal of another file, as one from a stranger.
    package func check(file: String, passphrase: SharedSecret) async throws(BrokerError) -> Int {
        let identity = PrivateFiles.identity(file)
        if let identity, identity == PrivateFiles.identity(location.file) { return try check() }
        // To open and close one of the open vault's own files, by whatever name, would drop SQLite's locks.
        let own = ([""] + Vault.sideFiles).map { PrivateFiles.identity(location.file + $0) }
        let others = ([""] + Vault.sideFiles).compactMap { PrivateFiles.identity(file + $0) }
        guard !others.contains(where: (own + [vault?.fileIdentity]).contains) else {
            throw .badRequest("the file belongs to the vault that is open")
        }
        let scratch = location.stateFolder
        let count = try await derive { () throws(VaultError) in
            try passphrase.withSecret { secret throws(VaultError) in
                try Vault.checkFile(
                    file, scratch: scratch, passphrase: secret, destination: Self.destination)
            }
        }
        return count.take() ?? 0
    }

    /// Leaves the vault as one file, and lets go of it.
    package func close() throws(BrokerError) {
        known = [:]
        knownByteCount = 0
        rules = Rules()
        expiries = nil
        names = [:]
        knowsNames = false
        lockAt = nil
        guard let vault else { return }
        closeTrail(nil)
        self.vault = nil
        try asBrokerError { () throws(VaultError) in try vault.close() }
    }

    /// Names another socket in the lock file, for clients that look there.
    package func note(socket: String) throws(BrokerError) {
        try asBrokerError { () throws(VaultError) in try fileLock.rewrite(socket: socket) }
    }

    private func lockIfDue() {
        if let lockAt, clock.now() >= lockAt { lock(AuditEvent(.lock, reason: "time")) }
    }

    func opened() throws(BrokerError) -> Vault {
        if vault == nil, Vault.exists(at: location.file) {
            let opened = try asBrokerError { () throws(VaultError) in
                try Vault(opening: location, lock: fileLock)
            }
            audit.close(vaultID: opened.id)
            vault = opened
        }
        guard let vault else { throw .vault(.noVault(path: location.file)) }
        return vault
    }

    // Without opening the file: while it is locked, another one may be put in its place.
    func unlocked() throws(BrokerError) -> Vault {
        guard !isLocked, let vault else {
            guard Vault.exists(at: location.file) else {
                throw .vault(.noVault(path: location.file))
            }
            throw .locked
        }
        return vault
    }

    static func credential(in record: Record) throws(BrokerError) -> Credential {
        do {
            return try Credential(parsing: record.metadata.span, isStored: true)
        } catch {
            throw .vault(.damaged(.metadata))
        }
    }

    private static func destination(_ record: Record) throws(VaultError) -> [UInt8] {
        guard let credential = try? Credential(parsing: record.metadata.span, isStored: true) else {
            throw .damaged(.metadata)
        }
        return credential.destination
    }

    func asBrokerError<R: ~Copyable>(
        _ body: () throws(VaultError) -> R
    ) throws(BrokerError) -> R {
        do {
            return try body()
        } catch {
            throw .vault(error)
        }
    }
}
