import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

struct VaultTests {
    private let fixture: VaultFixture

    init() throws { fixture = try VaultFixture() }

    @Test func keepsWhatWasSealed() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "b", "second")
        try VaultFixture.add(vault, "a", "first")
        try vault.close()
        let again = try fixture.open()
        #expect(again.isLocked)
        #expect(throws: VaultError.locked) { _ = try again.record(named: "a") }
        let key = try again.keyslots[0].derive(from: VaultFixture.passphrase())
        #expect(try again.unlock(with: key) == [])
        #expect(try again.records().map(\.name) == ["a", "b"])
        #expect(try VaultFixture.secretText(again, "a") == "first")
        #expect(try again.record(named: "b").metadata == Array("metadata of b".utf8))
    }

    @Test func theFileShowsNothing() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "visible-name", "visible-secret")
        try vault.close()
        let text = String(decoding: fixture.bytes, as: UTF8.self)
        for word in ["visible-name", "visible-secret", "metadata of"] {
            #expect(!text.contains(word))
        }
    }

    @Test func refusesAnotherPassphrase() throws {
        try fixture.create().close()
        let vault = try fixture.open()
        let key = try vault.keyslots[0].derive(from: VaultFixture.passphrase("wrong"))
        #expect(throws: VaultError.wrongPassphrase) { _ = try vault.unlock(with: key) }
        #expect(vault.isLocked)
    }

    @Test func aSecretOpensForItsDestinationAlone() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        let elsewhere = [UInt8](repeating: 1, count: 32)
        let record = try vault.record(named: "a")
        #expect(throws: VaultError.damaged(.secret)) {
            _ = try vault.secret(of: record, destination: elsewhere)
        }
        #expect(throws: VaultError.destinationChanged(name: "a")) {
            try vault.update(name: "a", metadata: [], destination: elsewhere)
        }
        #expect(try VaultFixture.secretText(vault, "a") == "first")
    }

    @Test func aChangeKeepsTheSecretAndItsID() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        let old = try vault.record(named: "a")
        let new = try vault.update(
            name: "a", metadata: [1], destination: VaultFixture.destination)
        #expect(new.id == old.id)
        #expect(new.revision == old.revision + 1)
        #expect(try VaultFixture.secretText(vault, "a") == "first")
        #expect(throws: VaultError.noSuchCredential(name: "a")) {
            _ = try vault.secret(of: old, destination: VaultFixture.destination)
        }
    }

    @Test func replacesASecret() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        #expect(throws: VaultError.credentialExists(name: "a")) {
            try VaultFixture.add(vault, "a", "second")
        }
        let other = [UInt8](repeating: 2, count: 32)
        let record = try vault.replace(
            name: "a", metadata: [], destination: other, secret: VaultFixture.secret("second"))
        let secret = try vault.secret(of: record, destination: other)
        let isSecond = secret.isEqual(to: VaultFixture.secret("second"))
        #expect(isSecond)
    }

    @Test func removesACredential() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try vault.remove(name: "a")
        #expect(throws: VaultError.noSuchCredential(name: "a")) { _ = try vault.record(named: "a") }
        try VaultFixture.add(vault, "a", "again")
        try vault.close()
        let key = try fixture.key()
        let again = try fixture.unlocked(key)
        #expect(try VaultFixture.secretText(again, "a") == "again")
        #expect(again.count == 1)
    }

    @Test func changesThePassphrase() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try vault.changePassphrase(
            from: 0,
            to: try NewKeyslot.derive(
                passphrase: VaultFixture.passphrase("new"), parameters: VaultFixture.weak))
        try vault.close()
        let again = try fixture.open()
        let old = try again.keyslots[0].derive(from: VaultFixture.passphrase())
        #expect(throws: VaultError.wrongPassphrase) { _ = try again.unlock(with: old) }
        _ = try again.unlock(
            with: try again.keyslots[0].derive(from: VaultFixture.passphrase("new")))
        #expect(try VaultFixture.secretText(again, "a") == "first")
    }

    @Test func isOneFileAfterItsEnd() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        try vault.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path + "/v")
        #expect(names.sorted() == ["vault.db", "vault.db.lock"])
    }

    @Test func oneProcessHasIt() throws {
        let lock = try fixture.lock()
        let holder = LockHolder(
            pid: getpid(), host: VaultLock.holder(of: fixture.location.file)?.host ?? "",
            socket: "/nowhere")
        #expect(throws: VaultError.held(by: holder)) {
            _ = try VaultLock.acquire(for: fixture.location.file, socket: "/other")
        }
        try lock.rewrite(socket: "/elsewhere")
        #expect(VaultLock.holder(of: fixture.location.file)?.socket == "/elsewhere")
        withExtendedLifetime(lock) {}
    }

    @Test func isNotMadeTwice() throws {
        let vault = try fixture.create()
        try vault.close()
        let path = fixture.location.file
        #expect(throws: VaultError.vaultExists(path: path)) { _ = try fixture.create() }
    }

    @Test func saysThatThereIsNone() throws {
        let path = fixture.location.file
        #expect(throws: VaultError.noVault(path: path)) { _ = try fixture.open() }
    }

    /// Where shared memory does not work, as on NFS.
    @Test func worksWithoutAWriteAheadLog() throws {
        try fixture.create().close()
        let vault = try Vault(
            opening: fixture.location, lock: try fixture.lock(), journal: .rollback)
        _ = try vault.unlock(with: try vault.keyslots[0].derive(from: VaultFixture.passphrase()))
        try VaultFixture.add(vault, "a", "first")
        #expect(!FileManager.default.fileExists(atPath: fixture.location.file + "-wal"))
        #expect(!FileManager.default.fileExists(atPath: fixture.location.file + "-shm"))
        try vault.close()
        let again = try fixture.unlocked(try fixture.key())
        #expect(try VaultFixture.secretText(again, "a") == "first")
    }

    private static let costs: [(UInt64, UInt64)] = [
        (1, 67_108_864), (11, 67_108_864), (2, 67_108_863), (2, 1_073_741_825), (1 << 62, 1 << 62),
    ]

    @Test(arguments: costs)
    func refusesACostOutOfBoundsBeforeItIsPaid(opslimit: UInt64, memlimit: UInt64) throws {
        #expect(throws: VaultError.costOutOfBounds(opslimit: opslimit, memlimit: memlimit)) {
            _ = try NewKeyslot.derive(
                passphrase: VaultFixture.passphrase(),
                parameters: .init(opslimit: opslimit, memlimit: memlimit))
        }
    }
}

struct DigestTests {
    @Test func addsAndSubtractsModulo2To256() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        let ones = try #require(Digest([UInt8](repeating: 0xFF, count: 32)))
        var one = [UInt8](repeating: 0, count: 32)
        one[0] = 1
        #expect(ones + (try #require(Digest(one))) == Digest())
        for _ in 0..<200 {
            let a = try #require(Digest([UInt8].random(byteCount: 32)))
            let b = try #require(Digest([UInt8].random(byteCount: 32)))
            #expect(a + b == b + a)
            #expect(a + b - b == a)
            #expect(Digest(a.bytes) == a)
        }
    }
}
