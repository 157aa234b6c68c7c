import Foundation
import Sodium
import TestSupport

@testable import Vault

/// A vault in a folder of its own, and the ways to open and to hurt it.
final class VaultFixture {
    let folder: TemporaryFolder
    let location: VaultLocation
    static let destination = [UInt8](repeating: 0xD5, count: 32)
    static let weak = PasswordHash.Parameters.interactive

    init(in base: String = "/tmp") throws {
        folder = try TemporaryFolder(in: base)
        location = VaultLocation(
            file: folder.path + "/v/vault.db", stateFolder: folder.path + "/state")
    }

    static func passphrase(_ text: String = "correct horse") -> Secret {
        Secret(copying: Array(text.utf8).span)
    }

    static func secret(_ text: String = "s3cret") -> Secret {
        Secret(copying: Array(text.utf8).span)
    }

    private var held: VaultLock?

    /// The lock, taken once: a vault of the same process may follow another.
    func lock() throws(VaultError) -> VaultLock {
        if let held { return held }
        let lock = try VaultLock.acquire(for: location.file, socket: "/nowhere")
        held = lock
        return lock
    }

    func create(_ passphrase: String = "correct horse") throws(VaultError) -> Vault {
        try Vault.create(
            at: location, lock: try lock(),
            keyslot: try NewKeyslot.derive(
                passphrase: Self.passphrase(passphrase), parameters: Self.weak))
    }

    func open() throws(VaultError) -> Vault {
        try Vault(opening: location, lock: try lock())
    }

    func unlocked(_ key: borrowing DerivedSlotKey) throws(VaultError) -> Vault {
        let vault = try open()
        _ = try vault.unlock(with: key)
        return vault
    }

    /// Argon2 once; the key opens the vault as often as needed.
    func key(_ passphrase: String = "correct horse") throws(VaultError) -> DerivedSlotKey {
        let vault = try open()
        let key = try vault.keyslots[0].derive(from: Self.passphrase(passphrase))
        try vault.close()
        return key
    }

    static func add(_ vault: Vault, _ name: String, _ secret: String) throws(VaultError) {
        try vault.add(
            name: name, metadata: Array("metadata of \(name)".utf8), destination: destination,
            secret: Self.secret(secret))
    }

    static func secretText(_ vault: Vault, _ name: String) throws(VaultError) -> String {
        try vault.secret(of: try vault.record(named: name), destination: destination)
            .withBytes { String(decoding: $0.copied(), as: UTF8.self) }
    }

    var bytes: [UInt8] {
        get { [UInt8](FileManager.default.contents(atPath: location.file) ?? Data()) }
        set { write(newValue, to: location.file) }
    }

    func write(_ bytes: [UInt8], to path: String) {
        _ = FileManager.default.createFile(
            atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
    }

    func copy(_ from: String, _ to: String) throws {
        try? FileManager.default.removeItem(atPath: to)
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    /// Runs SQL on the closed file, as somebody would who can write it.
    func execute(_ sql: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = [location.file, sql]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
