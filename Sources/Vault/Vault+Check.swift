internal import Host
public import Sodium

extension Vault {
    /// Gives the destination that a record's secret was sealed for.
    public typealias DestinationOf = @Sendable (Record) throws(VaultError) -> [UInt8]

    /// Reads everything, from the disk: the header, SQLite's own check, the tables, every row, every seal.
    ///
    /// - Throws: ``VaultError/damaged(_:)`` with what is wrong, ``VaultError/locked``. The vault has to be
    ///   opened anew then.
    public func check(destination: DestinationOf) throws(VaultError) {
        let unlocked = try requireUnlocked()
        try reopen()
        try store.requireIntegrity(whole: true)
        try unlocked.requireUnchanged(store, keyslots: keyslots)
        try store.forEachRecord { row throws(VaultError) in
            let record = try RecordSeal.record(row, with: unlocked.master)
            try Self.requireSecret(row, try destination(record), unlocked)
        }
        for row in try store.tombstones() {
            _ = try RecordSeal.name(of: row, with: unlocked.master)
        }
    }

    private static func requireSecret(
        _ row: RecordRow, _ destination: [UInt8], _ unlocked: UnlockedVault
    ) throws(VaultError) {
        do {
            _ = try RecordSeal.secret(row, destination: destination, with: unlocked.master)
        } catch {
            throw .damaged(.secret)
        }
    }

    /// Checks a file that may come from a stranger.
    ///
    /// It is only read: a private copy is opened.
    ///
    /// - Parameters:
    ///   - file: an absolute path.
    ///   - scratch: a private folder for the copy.
    ///   - passphrase: opens it.
    ///   - destination: gives the destination of each secret.
    /// - Returns: how many credentials it has.
    /// - Throws: as ``init(opening:lock:)``, ``unlock(with:acceptOlder:)`` and ``check(destination:)``.
    public static func checkFile(
        _ file: String, scratch: String, passphrase: borrowing Secret, destination: DestinationOf
    ) throws(VaultError) -> Int {
        guard exists(at: file) else { throw .noVault(path: file) }
        // Before it is copied, however long it is.
        try FileHeader.require(file)
        let folder: String
        do {
            try PrivateFiles.makeFolder(scratch)
            folder = try PrivateFiles.makeScratchFolder(in: scratch)
        } catch {
            throw .host(error)
        }
        let copy = folder + "/vault.db"
        defer { removeScratch(folder, copy) }
        do {
            try PrivateFiles.copy(file, to: copy, limit: longestFile)
            for log in ["-wal", "-journal"] where PrivateFiles.exists(file + log) {
                try PrivateFiles.copy(
                    file + log, to: copy + log, followsLinks: false, limit: longestFile)
            }
        } catch {
            throw .host(error)
        }
        return try checkCopy(copy, in: folder, passphrase: passphrase, destination: destination)
    }

    /// The most bytes of a file that is copied to be checked: some 900,000 credentials.
    private static let longestFile = 1 << 30

    private static func checkCopy(
        _ copy: String, in folder: String, passphrase: borrowing Secret,
        destination: DestinationOf
    ) throws(VaultError) -> Int {
        let lock = try VaultLock.acquire(for: copy, socket: "")
        let vault = try Vault(
            opening: VaultLocation(file: copy, stateFolder: folder), lock: lock)
        defer { try? vault.close() }
        for keyslot in vault.keyslots {
            let key = try keyslot.derive(from: passphrase)
            do throws(VaultError) {
                _ = try vault.unlock(with: key)
            } catch .wrongPassphrase {
                continue
            }
            try vault.check(destination: destination)
            return vault.count
        }
        throw .wrongPassphrase
    }

    private static func removeScratch(_ folder: String, _ copy: String) {
        for name in PrivateFiles.list(folder) { PrivateFiles.remove(folder + "/" + name) }
        PrivateFiles.removeFolder(folder)
    }
}
