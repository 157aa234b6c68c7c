import CSodium

/// Argon2id: the slow, memory-hungry way from a passphrase to keys
/// ([`crypto_pwhash`](https://doc.libsodium.org/password_hashing/default_phf)).
public enum PasswordHash: Sendable {
    /// Bytes of a salt.
    public static let saltByteCount = 16
    /// The only algorithm that is used: `crypto_pwhash_ALG_ARGON2ID13`.
    public static let algorithm: UInt32 = 2

    /// What one derivation costs.
    public struct Parameters: Equatable, Sendable {
        /// Passes over the memory (`opslimit`).
        public var opslimit: UInt64
        /// Bytes of memory (`memlimit`).
        public var memlimit: UInt64

        /// Takes the values as they are; bounds are the reader's to check.
        public init(opslimit: UInt64, memlimit: UInt64) {
            self.opslimit = opslimit
            self.memlimit = memlimit
        }

        /// 2 passes over 64 MiB: about 0.1 s.
        public static let interactive = Parameters(opslimit: 2, memlimit: 64 << 20)
        /// 3 passes over 256 MiB: about 0.4 s.
        public static let moderate = Parameters(opslimit: 3, memlimit: 256 << 20)
        /// 4 passes over 1 GiB: about 2 s.
        public static let sensitive = Parameters(opslimit: 4, memlimit: 1 << 30)
    }

    /// Derives key bytes from a passphrase, and blocks for as long as the parameters ask for.
    ///
    /// - Parameters:
    ///   - passphrase: any bytes.
    ///   - salt: 16 bytes.
    ///   - parameters: checked by the caller; libsodium's own bounds hold besides.
    ///   - byteCount: how many bytes to derive, at least 16.
    /// - Returns: as many bytes as were asked for.
    /// - Throws: ``SodiumError/parametersOutOfBounds`` for what libsodium does not take, and
    ///   ``SodiumError/outOfMemory(memlimit:)`` if the memory is not to be had.
    public static func derive(
        from passphrase: borrowing Secret, salt: [UInt8], parameters: Parameters, byteCount: Int
    ) throws(SodiumError) -> Secret {
        Library.require()
        guard salt.count == saltByteCount, byteCount >= 16,
            parameters.opslimit >= 1, parameters.opslimit <= UInt64(UInt32.max),
            parameters.memlimit >= 8192, parameters.memlimit <= UInt64(Int.max)
        else { throw .parametersOutOfBounds }
        return try Secret(byteCount: byteCount) { output throws(SodiumError) in
            let isDerived = unsafe output.withUnsafeMutableBufferPointer { key, initialized in
                let isDerived = passphrase.withBytes { passphrase in
                    unsafe passphrase.withUnsafeBytes { passphrase in
                        guard let key = key.baseAddress,
                            let text = unsafe passphrase.baseAddress?.assumingMemoryBound(
                                to: CChar.self)
                        else { return false }
                        let result = unsafe crypto_pwhash(
                            key, UInt64(byteCount), text, UInt64(passphrase.count), salt,
                            parameters.opslimit, Int(parameters.memlimit), Int32(algorithm))
                        Library.wipeStack()
                        return result == 0
                    }
                }
                initialized = isDerived ? byteCount : 0
                return isDerived
            }
            guard isDerived else { throw .outOfMemory(memlimit: Int(parameters.memlimit)) }
        }
    }
}
