public import Host
package import Sodium

/// A vault of credentials: sealed rows in a file, opened by a passphrase.
///
/// Not `Sendable`: one actor owns it. Every call reads or writes the disk, and blocks for that long.
public final class Vault {
    /// Where it is.
    public let location: VaultLocation
    /// 16 random bytes that tell this vault from others.
    public let id: [UInt8]
    /// The ways to open it.
    public private(set) var keyslots: [Keyslot]
    private(set) var store: Store
    // Kept for as long as the file is open.
    private let lock: VaultLock
    let remembered: RememberedGeneration
    // Whether there was no log when the file was opened.
    private let lacksLog: Bool
    private let journal: Journal
    private var unlocked: UnlockedVault?

    private init(
        _ location: VaultLocation, _ lock: VaultLock, _ store: Store, id: [UInt8],
        keyslots: [Keyslot], lacksLog: Bool, journal: Journal
    ) {
        self.journal = journal
        self.location = location
        self.lock = lock
        self.store = store
        self.id = id
        self.keyslots = keyslots
        self.lacksLog = lacksLog
        remembered = RememberedGeneration(folder: location.stateFolder, vaultID: id)
    }

    /// Whether there is anything where the vault would be.
    public static func exists(at file: String) -> Bool {
        PrivateFiles.exists(file)
    }

    /// Makes a vault with one keyslot, and leaves it unlocked.
    ///
    /// - Throws: ``VaultError/vaultExists(path:)``, ``VaultError/host(_:)``, ``VaultError/io(_:)``.
    public static func create(
        at location: VaultLocation, lock: VaultLock, keyslot: consuming NewKeyslot
    ) throws(VaultError) -> Vault {
        try create(
            at: location, lock: lock, keyslot: keyslot,
            id: .random(byteCount: Format.idByteCount),
            masterKey: .random(byteCount: MasterKey.byteCount),
            nonce: .random(byteCount: SecretBox.nonceByteCount))
    }

    /// The same with given random values: for test vectors.
    package static func create(
        at location: VaultLocation, lock: VaultLock, keyslot: consuming NewKeyslot, id: [UInt8],
        masterKey: consuming Secret, nonce: [UInt8]
    ) throws(VaultError) -> Vault {
        guard !exists(at: location.file) else { throw .vaultExists(path: location.file) }
        // Made under another name, so that a crash leaves no half of a vault in its place.
        let fresh = location.file + ".new"
        removeAll(fresh)
        defer { removeAll(fresh) }
        let master = MasterKey(masterKey, vaultID: id)
        let slot = keyslot.keyslot(0, vaultID: id, master: master, nonce: nonce)
        let unlocked = UnlockedVault(master, keyslot: slot)
        do {
            try PrivateFiles.replace(fresh, with: [])
        } catch {
            throw .host(error)
        }
        let store = try Store(fresh, journal: .rollback, isNew: true)
        try store.write([
            unlocked.firstRow(id: id), .put(slot),
        ])
        try store.close()
        try RememberedGeneration(folder: location.stateFolder, vaultID: id)
            .write(unlocked.generation, with: unlocked.master)
        setAside(location.file)
        do throws(HostError) {
            try PrivateFiles.moveIntoPlace(fresh, location.file)
        } catch {
            if error.isTaken { throw .vaultExists(path: location.file) }
            throw .host(error)
        }
        let vault = try Vault(opening: location, lock: lock)
        vault.unlocked = unlocked
        return vault
    }

    /// Puts the logs of a vault that was here before out of the way: they would be played back into another
    /// file of this name.
    ///
    /// They may be all there is of some changes, so they are kept, as `FILE.moved-wal`.
    private static func setAside(_ file: String) {
        for suffix in sideFiles { PrivateFiles.rename(file + suffix, to: file + ".moved" + suffix) }
    }

    /// What SQLite keeps beside a file: its logs, and their index.
    public static let sideFiles = ["-journal", "-wal", "-shm"]

    private static func removeAll(_ file: String) {
        for suffix in [""] + sideFiles { PrivateFiles.remove(file + suffix) }
    }

    /// Opens the file, locked: checks whose it is, its format, its tables, its keyslots.
    ///
    /// - Throws: ``VaultError/noVault(path:)``, ``VaultError/host(_:)``, ``VaultError/damaged(_:)``,
    ///   ``VaultError/newerFormat(_:)``.
    public convenience init(opening location: VaultLocation, lock: VaultLock) throws(VaultError) {
        try self.init(opening: location, lock: lock, journal: nil)
    }

    /// The same with a given journal: for tests on file systems that would get the other.
    package convenience init(
        opening location: VaultLocation, lock: VaultLock, journal: Journal?
    ) throws(VaultError) {
        guard Self.exists(at: location.file) else { throw .noVault(path: location.file) }
        let file: String
        do {
            let folder = try PrivateFiles.makeFolder(SocketPlace.folder(of: location.file))
            let name = location.file.split(separator: "/").last.map(String.init) ?? ""
            file = folder + "/" + name
            try PrivateFiles.requirePrivate(file: file)
        } catch {
            throw .host(error)
        }
        // Before SQLite makes one.
        let lacksLog = !PrivateFiles.exists(file + "-wal")
        let journal = journal ?? (FileSystem.isNetwork(file) ? .rollback : .wal)
        let store = try Store(file, journal: journal, isNew: false)
        let (id, _) = try store.vault()
        let keyslots = try store.keyslots(vaultID: id)
        self.init(
            location, lock, store, id: id, keyslots: keyslots, lacksLog: lacksLog, journal: journal)
    }

    /// Whether the vault's path still leads to the file that is open.
    public var isInPlace: Bool { store.isInPlace }

    /// The file that is open, by whatever name.
    public var fileIdentity: FileIdentity? { store.identity }

    /// Opens the file anew, so that what is read next is what the disk has, and no page that SQLite kept.
    ///
    /// - Throws: ``VaultError``; the vault can't be used any more then.
    func reopen() throws(VaultError) {
        let path = store.path
        try store.close()
        try FileHeader.require(path)
        store = try Store(path, journal: journal, isNew: false)
        guard try store.vault().id == id, try store.keyslots(vaultID: id) == keyslots else {
            throw .damaged(.manifest)
        }
    }

    /// Whether the master key is not here.
    public var isLocked: Bool { unlocked == nil }

    /// What a person should be told after unlocking.
    public enum Warning: Equatable, Sendable, CustomStringConvertible {
        /// Nothing says how new the vault should be.
        case noRememberedGeneration
        /// How new it is can't be remembered now; why, in words.
        case notRemembered(String)

        /// The warning, in one line.
        public var description: String {
            switch self {
            case .noRememberedGeneration:
                "this machine has not seen this vault before, so it can't tell whether it is an older copy"
            case .notRemembered(let words): "how new the vault is can't be remembered: \(words)"
            }
        }
    }

    /// Unlocks the vault: opens the master key, and verifies every row.
    ///
    /// - Parameters:
    ///   - key: what a keyslot's passphrase was stretched to.
    ///   - acceptOlder: whether an older copy is meant to be here.
    /// - Returns: what a person should be told all the same.
    /// - Throws: ``VaultError/wrongPassphrase``, ``VaultError/damaged(_:)``,
    ///   ``VaultError/older(generation:seen:lacksLog:)``, ``VaultError/host(_:)``.
    public func unlock(
        with key: borrowing DerivedSlotKey, acceptOlder: Bool = false
    ) throws(VaultError) -> [Warning] {
        let master = try open(key)
        try store.requireIntegrity(whole: false)
        let sealed = try store.vault().manifest
        let manifest = try Manifest(opening: sealed, with: master)
        let seen = try remembered.read(with: master)
        if let seen, manifest.generation < seen, !acceptOlder {
            throw .older(generation: manifest.generation, seen: seen, lacksLog: lacksLog)
        }
        let unlocked = try UnlockedVault(
            master, manifest: manifest, sealed: sealed, keyslots: keyslots, store: store)
        var warnings: [Warning] = seen == nil ? [.noRememberedGeneration] : []
        if seen != unlocked.generation {
            do throws(VaultError) {
                try remembered.write(unlocked.generation, with: unlocked.master)
            } catch .host(.system(let operation, let path, let code)) {
                // A full disk is no reason to keep everybody from their tokens.
                let error = HostError.system(operation: operation, path: path, code: code)
                warnings.append(.notRemembered(error.description))
            }
        }
        self.unlocked = unlocked
        return warnings
    }

    /// Checks a passphrase, for commands that ask for it although the vault is unlocked.
    ///
    /// - Throws: ``VaultError/wrongPassphrase``, ``VaultError/damaged(_:)``.
    public func verify(_ key: borrowing DerivedSlotKey) throws(VaultError) {
        _ = try open(key)
    }

    private func open(_ key: borrowing DerivedSlotKey) throws(VaultError) -> MasterKey {
        let number = key.slot
        guard let keyslot = keyslots.first(where: { $0.slot == number }) else {
            throw .wrongPassphrase
        }
        return try keyslot.open(with: key)
    }

    /// Forgets the master key.
    public func relock() {
        unlocked = nil
    }

    /// The unlocked state.
    ///
    /// - Throws: ``VaultError/locked``.
    func requireUnlocked() throws(VaultError) -> UnlockedVault {
        guard let unlocked else { throw .locked }
        return unlocked
    }

    /// Acknowledges a change: it is in the file; now this machine remembers that.
    ///
    /// - Parameters:
    ///   - unlocked: the state after it.
    ///   - emptiesLog: whether what was there before may stay nowhere, not even in the log.
    /// - Throws: ``VaultError/logInUse``, ``VaultError/host(_:)``.
    func acknowledge(
        _ unlocked: UnlockedVault, emptiesLog: Bool = false
    ) throws(VaultError) {
        var failure: VaultError?
        if emptiesLog {
            do { try store.truncateLog() } catch { failure = error }
        }
        try remembered.write(unlocked.generation, with: unlocked.master)
        if let failure { throw failure }
    }

    /// Puts another passphrase in the place of one; the log is emptied, so that no old keyslot stays there.
    ///
    /// - Throws: ``VaultError/locked``, ``VaultError/io(_:)``, ``VaultError/logInUse``.
    public func changePassphrase(
        from slot: UInt32, to new: consuming NewKeyslot
    ) throws(VaultError) {
        let unlocked = try requireUnlocked()
        let keyslot = new.keyslot(
            slot, vaultID: id, master: unlocked.master,
            nonce: .random(byteCount: SecretBox.nonceByteCount))
        try unlocked.write([.put(keyslot)], keyslot: keyslot, to: store)
        keyslots = keyslots.map { $0.slot == slot ? keyslot : $0 }
        try acknowledge(unlocked, emptiesLog: true)
    }

    /// Leaves the vault as one file, and lets go of it.
    ///
    /// - Throws: ``VaultError/io(_:)``.
    public func close() throws(VaultError) {
        unlocked = nil
        let isMoved = !store.isInPlace
        try store.close()
        if isMoved { Self.setAside(store.path) }
        withExtendedLifetime(lock) {}
    }
}

@available(*, unavailable)
extension Vault: Sendable {}
