public import Sodium

/// One way to the master key: a passphrase, stretched by Argon2id.
///
/// The first 32 derived bytes seal the master key; the other 32 key a tag over everything that decided the
/// derivation. The tag makes the slot commit to its key, which `crypto_secretbox` alone does not, and
/// authenticates the parameters. A plain checksum comes before, to tell damage from a wrong passphrase.
public struct Keyslot: Sendable, Equatable {
    /// What opens a keyslot.
    public enum Kind: UInt8, Sendable {
        /// Something that a person types.
        case passphrase = 1
    }

    /// Its number in the vault.
    public let slot: UInt32
    /// What opens it.
    public let kind: Kind
    /// What opening it costs.
    public let parameters: PasswordHash.Parameters
    let salt: [UInt8]
    let tag: [UInt8]
    let sealedKey: [UInt8]
    let vaultID: [UInt8]

    /// The passes that are allowed (`opslimit`).
    public static let allowedOpslimit: ClosedRange<UInt64> = 2...10
    /// The memory that is allowed, in bytes (`memlimit`).
    public static let allowedMemlimit: ClosedRange<UInt64> = (64 << 20)...(1 << 30)

    /// Stretches a passphrase for this slot.
    ///
    /// Runs for as long as the parameters ask for, on any thread.
    ///
    /// - Throws: ``VaultError/costOutOfBounds(opslimit:memlimit:)`` before anything is tried,
    ///   ``VaultError/outOfMemory(memlimit:)``.
    public func derive(from passphrase: borrowing Secret) throws(VaultError) -> DerivedSlotKey {
        try Self.require(parameters)
        let bytes = try Self.stretch(passphrase, salt, parameters)
        return DerivedSlotKey(slot: slot, bytes: bytes)
    }

    static func require(_ parameters: PasswordHash.Parameters) throws(VaultError) {
        guard allowedOpslimit.contains(parameters.opslimit),
            allowedMemlimit.contains(parameters.memlimit)
        else {
            throw .costOutOfBounds(
                opslimit: parameters.opslimit, memlimit: parameters.memlimit)
        }
    }

    static func stretch(
        _ passphrase: borrowing Secret, _ salt: [UInt8], _ parameters: PasswordHash.Parameters
    ) throws(VaultError) -> Secret {
        do {
            return try PasswordHash.derive(
                from: passphrase, salt: salt, parameters: parameters,
                byteCount: DerivedSlotKey.byteCount)
        } catch {
            throw .outOfMemory(memlimit: parameters.memlimit)
        }
    }

    /// The tag that the right passphrase gives.
    static func tag(
        _ tagKey: borrowing Secret, vaultID: [UInt8], slot: UInt32, kind: Kind,
        parameters: PasswordHash.Parameters, salt: [UInt8]
    ) -> [UInt8] {
        var hash = KeyedHash(key: tagKey)
        hash.append("bursar 1 keyslot")
        hash.append(UInt64(Format.version))
        hash.append(vaultID)
        hash.append(UInt64(slot))
        hash.append(UInt64(kind.rawValue))
        hash.append(UInt64(PasswordHash.algorithm))
        hash.append(parameters.opslimit)
        hash.append(parameters.memlimit)
        hash.append(salt)
        return hash.finalize()
    }

    /// A checksum over all of the slot, without a key.
    var checksum: [UInt8] {
        var hash = KeyedHash()
        hash.append("bursar 1 keyslot checksum")
        hash.append(vaultID)
        hash.append(UInt64(slot))
        hash.append(UInt64(kind.rawValue))
        hash.append(UInt64(PasswordHash.algorithm))
        hash.append(parameters.opslimit)
        hash.append(parameters.memlimit)
        hash.append(salt)
        hash.append(tag)
        hash.append(sealedKey)
        return hash.finalize()
    }

    /// Opens the master key.
    ///
    /// - Throws: ``VaultError/wrongPassphrase`` if the tag is another, ``VaultError/damaged(_:)`` if it is
    ///   right and the key does not open.
    func open(with key: borrowing DerivedSlotKey) throws(VaultError) -> MasterKey {
        let expected = Self.tag(
            key.tagKey, vaultID: vaultID, slot: slot, kind: kind, parameters: parameters,
            salt: salt)
        guard expected.span.isEqualInConstantTime(to: tag.span) else { throw .wrongPassphrase }
        do throws(SodiumError) {
            let master = try SecretBox.open(sealedKey.span, with: key.sealingKey)
            guard master.byteCount == MasterKey.byteCount else { throw .forged }
            return MasterKey(master, vaultID: vaultID)
        } catch {
            throw .damaged(.keyslot(slot))
        }
    }
}

/// What Argon2id made of a passphrase for one keyslot.
public struct DerivedSlotKey: ~Copyable, Sendable {
    static let byteCount = 64

    /// The keyslot's number.
    public let slot: UInt32
    private let bytes: Secret

    init(slot: UInt32, bytes: consuming Secret) {
        self.slot = slot
        self.bytes = bytes
    }

    /// A second one, for tests that unlock many copies of a vault.
    package borrowing func copy() -> DerivedSlotKey {
        DerivedSlotKey(slot: slot, bytes: bytes.copy())
    }

    var sealingKey: Secret { bytes.slice(0..<32) }
    var tagKey: Secret { bytes.slice(32..<64) }
}

/// A passphrase, stretched for a keyslot that is not in any vault yet.
public struct NewKeyslot: ~Copyable, Sendable {
    private let key: DerivedSlotKey
    private let salt: [UInt8]
    private let parameters: PasswordHash.Parameters

    /// Stretches a passphrase with a fresh salt.
    ///
    /// Runs for as long as the parameters ask for.
    ///
    /// - Throws: ``VaultError/costOutOfBounds(opslimit:memlimit:)``,
    ///   ``VaultError/outOfMemory(memlimit:)``.
    public static func derive(
        passphrase: borrowing Secret, parameters: PasswordHash.Parameters
    ) throws(VaultError) -> NewKeyslot {
        try derive(
            passphrase: passphrase, parameters: parameters,
            salt: .random(byteCount: PasswordHash.saltByteCount))
    }

    /// The same with a given salt: for test vectors.
    package static func derive(
        passphrase: borrowing Secret, parameters: PasswordHash.Parameters, salt: [UInt8]
    ) throws(VaultError) -> NewKeyslot {
        try Keyslot.require(parameters)
        let bytes = try Keyslot.stretch(passphrase, salt, parameters)
        return NewKeyslot(
            key: DerivedSlotKey(slot: 0, bytes: bytes), salt: salt, parameters: parameters)
    }

    /// The keyslot of this passphrase, with the master key sealed in it.
    func keyslot(
        _ slot: UInt32, vaultID: [UInt8], master: borrowing MasterKey, nonce: [UInt8]
    ) -> Keyslot {
        let tag = Keyslot.tag(
            key.tagKey, vaultID: vaultID, slot: slot, kind: .passphrase, parameters: parameters,
            salt: salt)
        let sealingKey = key.sealingKey
        let sealed = master.withKey { master in
            master.withBytes { SecretBox.seal($0, with: sealingKey, nonce: nonce) }
        }
        return Keyslot(
            slot: slot, kind: .passphrase, parameters: parameters, salt: salt, tag: tag,
            sealedKey: sealed, vaultID: vaultID)
    }
}
