internal import Host
internal import Sodium

/// Reads bytes that nobody may see straight into guarded memory.
enum SecretInput {
    /// Asks at the terminal, without echo.
    static func ask(
        _ prompt: String, _ what: String, limit: Int
    ) throws(Failure) -> SharedSecret {
        let secret: Secret
        do throws(Terminal.Unanswered) {
            secret = try Secret(byteCount: limit) { output throws(Terminal.Unanswered) in
                try Terminal.ask(printable(prompt), into: &output)
            }
        } catch {
            throw Failure(error)
        }
        warnOfOuterSpace(secret, what, secret.byteCount)
        return SharedSecret(secret)
    }

    /// Lets a program ask, and takes what it prints.
    static func ask(
        program: String, _ prompt: String, limit: Int
    ) throws(Failure) -> SharedSecret {
        var isAnswered = false
        let all: Secret
        do throws(HostError) {
            all = try Secret(byteCount: limit + 3) { output throws(HostError) in
                isAnswered = try AskingProgram.ask(program, prompt, into: &output)
            }
        } catch {
            throw Failure(error)
        }
        guard isAnswered else { throw Failure(77, "\"\(program)\" gave no passphrase") }
        return try trimmed(all, "passphrase", limit)
    }

    /// Reads a descriptor to its end; one line end there is dropped.
    ///
    /// - Parameters:
    ///   - what: what is read, in words.
    ///   - limit: the most bytes, without the line end.
    ///   - open: opens the descriptor.
    /// - Returns: the bytes.
    /// - Throws: what opening or reading failed with, or usage for too many bytes.
    static func read(
        _ what: String, limit: Int, _ open: () throws(HostError) -> InputDescriptor
    ) throws(Failure) -> SharedSecret {
        let all: Secret
        do throws(HostError) {
            let input = try open()
            // Room for a line end, and for one byte too many.
            all = try Secret(byteCount: limit + 3) { output throws(HostError) in
                try input.read(into: &output)
            }
        } catch {
            throw Failure(error)
        }
        return try trimmed(all, what, limit)
    }

    private static func trimmed(
        _ all: borrowing Secret, _ what: String, _ limit: Int
    ) throws(Failure) -> SharedSecret {
        let count = all.byteCountWithoutLineEnd
        guard count <= limit else { throw .usage("the \(what) has more than \(limit) bytes") }
        warnOfOuterSpace(all, what, count)
        return SharedSecret(all.slice(0..<count))
    }

    private static func warnOfOuterSpace(_ secret: borrowing Secret, _ what: String, _ count: Int) {
        guard secret.withBytes({ hasOuterSpace($0, count) }) else { return }
        warn("the \(what) begins or ends with white space, which is part of it")
    }

    private static func hasOuterSpace(_ bytes: Span<UInt8>, _ count: Int) -> Bool {
        guard count > 0 else { return false }
        return isSpace(bytes[0]) || isSpace(bytes[count - 1])
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }
}
