import Sodium
import TestSupport
import Testing

@testable import Vault

/// What the vault keeps for the audit trail.
struct TrailCheckpointTests {
    private let fixture: VaultFixture
    private let point = TrailPoint(length: 7, head: [UInt8](repeating: 0xA7, count: 32))

    init() throws { fixture = try VaultFixture() }

    @Test func aCheckpointStaysWithTheVault() throws {
        let vault = try fixture.create()
        #expect(try vault.trail() == .start)
        try vault.sealTrail(point)
        #expect(try vault.trail() == point)
        try VaultFixture.add(vault, "a", "first")
        try vault.close()
        let key = try fixture.key()
        let again = try fixture.unlocked(key)
        #expect(try again.trail() == point)
        #expect(try again.record(named: "a").name == "a")
    }

    /// In one transaction with a change: its generation is the next one, not the one after.
    @Test func aChangeSealsWhatWasNotedBefore() throws {
        let vault = try fixture.create()
        let before = try vault.requireUnlocked().generation
        try vault.noteTrail(point)
        #expect(try vault.trail() == .start)
        try VaultFixture.add(vault, "a", "first")
        #expect(try vault.trail() == point)
        #expect(try vault.requireUnlocked().generation == before + 1)
        // The same point again is no change.
        try vault.sealTrail(point)
        #expect(try vault.requireUnlocked().generation == before + 1)
    }

    /// It is as genuine as the vault: whoever puts an older manifest back is found.
    @Test func anOlderCheckpointPutBackIsFound() throws {
        let vault = try fixture.create()
        try vault.close()
        let older = fixture.bytes
        let key = try fixture.key()
        let again = try fixture.unlocked(key)
        try again.sealTrail(point)
        try again.close()
        fixture.bytes = older
        let last = try fixture.open()
        #expect(throws: VaultError.older(generation: 1, seen: 2, lacksLog: true)) {
            _ = try last.unlock(with: key)
        }
    }

    /// Locking waits for no disk: what is still to be written needs no key.
    @Test func theLastCheckpointIsWrittenAfterTheKeyHasGone() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        let seal = try #require(vault.relock(sealing: point))
        #expect(vault.isLocked)
        try vault.write(seal)
        try vault.close()
        let key = try fixture.key()
        let again = try fixture.unlocked(key)
        #expect(try again.trail() == point)
        #expect(again.relock(sealing: point) == nil)
        #expect(again.isLocked)
    }

    @Test func itsKeysGoWithTheMasterKey() throws {
        let vault = try fixture.create()
        let chain = try vault.trailKey(.chain)
        let token = try vault.trailKey(.token)
        let isSame = chain.isEqual(to: token)
        #expect(!isSame)
        vault.relock()
        #expect(throws: VaultError.locked) { _ = try vault.trailKey(.chain) }
        #expect(throws: VaultError.locked) { _ = try vault.trail() }
        #expect(throws: VaultError.locked) { try vault.sealTrail(point) }
        #expect(throws: VaultError.locked) { _ = try vault.removedNames(after: nil, limit: 9) }
    }

    @Test func aRemovedCredentialKeepsItsNameForTheTrail() throws {
        let vault = try fixture.create()
        try VaultFixture.add(vault, "a", "first")
        let first = try vault.record(named: "a").id
        try vault.remove(name: "a")
        try VaultFixture.add(vault, "a", "again")
        try VaultFixture.add(vault, "b", "other")
        let second = try vault.record(named: "b").id
        try vault.remove(name: "b")
        var names: [[UInt8]: String] = [:]
        var last: [UInt8]?
        for _ in 0..<3 {
            let page = try vault.removedNames(after: last, limit: 1)
            names.merge(page.names) { _, new in new }
            last = page.last
        }
        #expect(last == nil)
        #expect(names == [first: "a", second: "b"])
    }
}
