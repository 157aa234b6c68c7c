internal import Host
public import Sodium

extension Vault {
    /// Gives the destination that a record's secret was sealed for.
    public typealias DestinationOf = @Sendable (Record) throws(VaultError) -> [UInt8]

    /// Reads everything: SQLite's own check, the tables, every row, every seal.
    ///
    /// - Throws: ``VaultError/damaged(_:)`` with what is wrong, ``VaultError/locked``.
    public func check(destination: DestinationOf) throws(VaultError) {
        let unlocked = try requireUnlocked()
        try store.requireFormat()
        try store.requireHeader()
        try store.requireIntegrity(whole: true)
        let count = try store.keyslots(vaultID: id).count
        guard count == keyslots.count else { throw .damaged(.manifest) }
        var seen = 0
        try store.forEachRecord { row throws(VaultError) in
            guard unlocked.isGenuine(row) else { throw .damaged(.record) }
            let record = try RecordSeal.record(row, with: unlocked.master)
            try Self.requireSecret(row, try destination(record), unlocked)
            seen += 1
        }
        guard seen == unlocked.count else { throw .damaged(.record) }
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

    /// Checks a file that may come from a stranger. It is only read: a private copy is opened.
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
            try PrivateFiles.copy(file, to: copy)
            if PrivateFiles.exists(file + "-wal") {
                try PrivateFiles.copy(file + "-wal", to: copy + "-wal")
            }
        } catch {
            throw .host(error)
        }
        return try checkCopy(copy, in: folder, passphrase: passphrase, destination: destination)
    }

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
