public import Sodium

/// How far the audit trail reached: its number of lines since it began, and its last line's hash.
public struct TrailPoint: Equatable, Sendable {
    /// The number of its last line; 0 before there is one.
    public var length: UInt64
    /// The last line's hash: 32 bytes, zeros before there is one.
    public var head: [UInt8]

    /// A point of the trail.
    public init(length: UInt64, head: [UInt8]) {
        self.length = length
        self.head = head
    }

    /// Before the first line.
    public static let start = TrailPoint(
        length: 0, head: [UInt8](repeating: 0, count: KeyedHash.byteCount))
}

/// What the keys of the audit trail are for.
public enum TrailKeyPurpose: String, Sendable {
    /// Chains its lines.
    case chain = "audit chain"
    /// Hashes the tokens in it.
    case token = "audit token"
}

/// A last checkpoint of the audit trail, sealed before the master key went, and written after.
public struct LastSeal: Sendable {
    let manifest: [UInt8]
    let replaced: [UInt8]
    let generation: [UInt8]
}

/// What the vault does for the audit trail: keys, a sealed checkpoint, names.
extension Vault {
    /// How many bytes a record id has.
    public static let recordIDByteCount = Format.idByteCount

    /// A key of the audit trail, derived from the master key.
    ///
    /// - Throws: ``VaultError/locked``.
    public func trailKey(_ purpose: TrailKeyPurpose) throws(VaultError) -> Secret {
        try requireUnlocked().master.subkey(purpose.rawValue)
    }

    /// The audit trail's checkpoint, as the vault has it sealed.
    ///
    /// - Throws: ``VaultError/locked``.
    public func trail() throws(VaultError) -> TrailPoint {
        try requireUnlocked().trail
    }

    /// Has the next change seal another checkpoint in its transaction.
    ///
    /// - Throws: ``VaultError/locked``.
    public func noteTrail(_ point: TrailPoint) throws(VaultError) {
        try requireUnlocked().nextTrail = point
    }

    /// Seals a checkpoint now, as a change of its own.
    ///
    /// - Throws: ``VaultError/locked``, ``VaultError/replaced(path:)``, ``VaultError/io(_:)``,
    ///   ``VaultError/host(_:)``.
    public func sealTrail(_ point: TrailPoint) throws(VaultError) {
        let unlocked = try requireUnlocked()
        guard unlocked.trail != point else { return }
        unlocked.nextTrail = point
        try unlocked.write([], to: store)
        try acknowledge(unlocked)
    }

    /// Seals a checkpoint in memory alone, and forgets the master key: whatever the disk does, it is gone.
    ///
    /// - Returns: what ``write(_:)`` takes; nil if the vault is locked, or has sealed this point.
    public func relock(sealing point: TrailPoint) -> LastSeal? {
        defer { relock() }
        guard let unlocked = try? requireUnlocked(), unlocked.trail != point else { return nil }
        return unlocked.lastSeal(point)
    }

    /// Writes the checkpoint that was sealed before the master key went.
    ///
    /// - Throws: ``VaultError/replaced(path:)``, ``VaultError/io(_:)``, ``VaultError/host(_:)``.
    public func write(_ seal: LastSeal) throws(VaultError) {
        try store.write([.manifest(seal.manifest, replacing: seal.replaced)])
        try remembered.write(seal.generation)
    }

    /// What some of the record ids stood for whose credentials were removed.
    ///
    /// - Parameters:
    ///   - last: the id that the page before ended with; nil for the first page.
    ///   - limit: how many at most.
    /// - Returns: the names, and the last id; nil once there are no more.
    /// - Throws: ``VaultError/locked``, ``VaultError/damaged(_:)``.
    public func removedNames(
        after last: [UInt8]?, limit: Int
    ) throws(VaultError) -> (names: [[UInt8]: String], last: [UInt8]?) {
        let unlocked = try requireUnlocked()
        let rows = try store.tombstones(after: last ?? [], limit: limit)
        var names: [[UInt8]: String] = [:]
        for row in rows { names[row.id] = try RecordSeal.name(of: row, with: unlocked.master) }
        return (names, rows.count < limit ? nil : rows.last?.id)
    }
}
