import Testing

@testable import Sodium

struct SecretTests {
    struct Failure: Error, Equatable {}

    @Test func holdsWhatWasWritten() {
        let secret = Secret(byteCount: 4) { output in
            for byte in "abcd".utf8 { output.append(byte) }
        }
        #expect(secret.withBytes { $0.copied() } == Array("abcd".utf8))
    }

    @Test func hasOnlyAsManyBytesAsWereWritten() {
        let secret = Secret(byteCount: 100) { $0.append(7) }
        let byteCount = secret.byteCount
        #expect(byteCount == 1)
    }

    @Test func passesOnWhatItsMakerThrows() {
        #expect(throws: Failure()) {
            _ = try Secret(byteCount: 8) { _ throws(Failure) in throw Failure() }
        }
    }

    @Test func comparesBytesAndLengths() {
        let one = Secret(copying: [1, 2, 3].span)
        let same = one.copy()
        let other = Secret(copying: [1, 2, 4].span)
        let longer = Secret(copying: [1, 2, 3, 0].span)
        let isSame = one.isEqual(to: same)
        let isOther = one.isEqual(to: other)
        let isLonger = one.isEqual(to: longer)
        #expect(isSame)
        #expect(!isOther)
        #expect(!isLonger)
    }

    @Test func slicesItsBytes() {
        let secret = Secret(copying: [1, 2, 3, 4].span)
        #expect(secret.slice(1..<3).withBytes { $0.copied() } == [2, 3])
    }

    @Test func randomSecretsDiffer() {
        let one = Secret.random(byteCount: 32)
        let isSame = one.isEqual(to: .random(byteCount: 32))
        #expect(!isSame)
    }

    /// A read one byte beyond the end meets a guard page (sodium_malloc), and ends the program.
    @Test func aReadBeyondItsEndEndsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let secret = Secret(copying: [1, 2, 3].span)
            secret.withBytes { bytes in
                bytes.withUnsafeBufferPointer { buffer in
                    // The bytes end where the guard page begins.
                    let beyond = (buffer.baseAddress! + 4096).pointee
                    print(beyond)
                }
            }
        }
    }
}
