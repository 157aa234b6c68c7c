import Testing

@testable import Sodium

private func bytes(_ hex: String) -> [UInt8] {
    var result: [UInt8] = []
    var rest = hex[...]
    while rest.count >= 2 {
        result.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
    }
    return result
}

struct SecretBoxTests {
    private var key: Secret { Secret(copying: [UInt8](repeating: 7, count: 32).span) }

    @Test(arguments: [0, 1, 15, 16, 17, 4096])
    func opensWhatItSealed(byteCount: Int) throws {
        let message = [UInt8].random(byteCount: byteCount)
        let box = SecretBox.seal(message.span, with: key)
        #expect(box.count == byteCount + SecretBox.overhead)
        #expect(try SecretBox.open(box.span, with: key).withBytes { $0.copied() } == message)
    }

    @Test func refusesABoxWithAnyBitFlipped() {
        let box = SecretBox.seal([1, 2, 3].span, with: key)
        for index in box.indices {
            for bit in 0..<8 {
                var forged = box
                forged[index] ^= 1 << bit
                #expect(throws: SodiumError.forged) {
                    _ = try SecretBox.open(forged.span, with: key)
                }
            }
        }
    }

    @Test func refusesAnotherKey() {
        let box = SecretBox.seal([1, 2, 3].span, with: key)
        #expect(throws: SodiumError.forged) {
            _ = try SecretBox.open(box.span, with: .random(byteCount: 32))
        }
    }

    @Test(arguments: [0, 1, 39])
    func refusesABoxThatIsTooShort(byteCount: Int) {
        #expect(throws: SodiumError.forged) {
            _ = try SecretBox.open([UInt8](repeating: 0, count: byteCount).span, with: key)
        }
    }

    /// The example of libsodium's own test suite (`test/default/secretbox.c`, from NaCl).
    @Test func sealsTheExampleOfNaCl() {
        let key = Secret(
            copying: bytes("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389").span)
        let nonce = bytes("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
        let message = bytes(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc"
                + "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31"
                + "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
                + "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864"
                + "5e0705")
        let box = SecretBox.seal(message.span, with: key, nonce: nonce)
        #expect(Array(box[24..<40]) == bytes("f3ffc7703f9400e52a7dfb4b3d3305d9"))
        #expect(Array(box[40..<56]) == bytes("8e993b9f48681273c29650ba32fc76ce"))
    }
}

struct KeyedHashTests {
    private var key: Secret { Secret(copying: [UInt8](repeating: 1, count: 32).span) }

    private func hash(_ fields: [String]) -> [UInt8] {
        var hash = KeyedHash(key: key)
        for field in fields { hash.append(field) }
        return hash.finalize()
    }

    @Test func tellsFieldsApartByTheirLengths() {
        #expect(hash(["ab", "c"]) != hash(["a", "bc"]))
        #expect(hash(["abc"]) != hash(["abc", ""]))
        #expect(hash(["ab", "c"]) == hash(["ab", "c"]))
    }

    @Test func dependsOnItsKey() {
        var other = KeyedHash(key: .random(byteCount: 32))
        other.append("abc")
        #expect(other.finalize() != hash(["abc"]))
    }

    @Test func derivesTheSameBytesAsKey() {
        var derived = KeyedHash(key: key)
        derived.append("abc")
        #expect(derived.finalizeKey().withBytes { $0.copied() } == hash(["abc"]))
    }
}

struct PasswordHashTests {
    private var passphrase: Secret { Secret(copying: Array("correct horse".utf8).span) }

    @Test func dependsOnSaltAndPassphrase() throws {
        let salt = [UInt8](repeating: 3, count: 16)
        let weak = PasswordHash.Parameters(opslimit: 1, memlimit: 8192)
        func derive(_ passphrase: borrowing Secret, _ salt: [UInt8]) throws -> [UInt8] {
            try PasswordHash.derive(
                from: passphrase, salt: salt, parameters: weak, byteCount: 64
            ).withBytes { $0.copied() }
        }
        let first = try derive(passphrase, salt)
        #expect(try derive(passphrase, salt) == first)
        #expect(try derive(passphrase, [UInt8](repeating: 4, count: 16)) != first)
        #expect(try derive(Secret(copying: Array("x".utf8).span), salt) != first)
    }

    @Test(arguments: [
        PasswordHash.Parameters(opslimit: 0, memlimit: 8192),
        PasswordHash.Parameters(opslimit: 1, memlimit: 8191),
        PasswordHash.Parameters(opslimit: 1 << 40, memlimit: 8192),
    ])
    func refusesWhatLibsodiumDoesNotTake(parameters: PasswordHash.Parameters) {
        #expect(throws: SodiumError.parametersOutOfBounds) {
            _ = try PasswordHash.derive(
                from: passphrase, salt: [UInt8](repeating: 0, count: 16),
                parameters: parameters, byteCount: 64)
        }
    }
}

struct PaddingTests {
    @Test(arguments: [0, 1, 127, 128, 129, 255, 256])
    func givesBackTheLength(byteCount: Int) throws {
        let padded = Padding.pad(
            [UInt8](repeating: 0x80, count: byteCount).span, blockByteCount: 128)
        #expect(padded.byteCount % 128 == 0)
        #expect(padded.byteCount > byteCount)
        let count = try padded.withBytes { bytes throws(SodiumError) in
            try Padding.unpaddedByteCount(of: bytes, blockByteCount: 128)
        }
        #expect(count == byteCount)
    }

    @Test(arguments: [[], [UInt8](repeating: 0, count: 128), [1, 2, 3]])
    func refusesWhatIsNotPadded(bytes: [UInt8]) {
        #expect(throws: SodiumError.badPadding) {
            _ = try Padding.unpaddedByteCount(of: bytes.span, blockByteCount: 128)
        }
    }
}
