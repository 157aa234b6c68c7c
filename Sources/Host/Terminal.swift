internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// The terminal that a person sits at.
public enum Terminal: Sendable {
    /// Why a question got no answer.
    public enum Unanswered: Error, Equatable, Sendable {
        /// There is no terminal.
        case noTerminal
        /// The input ended without a line.
        case endOfInput
        /// The line is longer than the room for it, or than a terminal's lines can be (4,094 bytes).
        case tooLong
        /// The system refused.
        case host(HostError)
    }

    /// Whether there is one to ask at.
    public static var isThere: Bool {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return false }
        close(terminal)
        return true
    }

    /// Whether standard input is one.
    public static var isStandardInput: Bool { isatty(0) == 1 }

    /// Whether standard output is one.
    public static var isStandardOutput: Bool { isatty(1) == 1 }

    /// The columns of the terminal on standard output; 80 without one.
    public static var columns: Int {
        let columns = Int(chost_terminal_columns())
        return columns > 0 ? columns : 80
    }

    /// Asks for one line, without echo, and blocks until it is there.
    ///
    /// - Parameters:
    ///   - prompt: what to ask, without control characters.
    ///   - output: takes the line, without its end, up to its free capacity.
    /// - Throws: ``Unanswered``.
    public static func ask(
        _ prompt: String, into output: inout OutputSpan<UInt8>
    ) throws(Unanswered) {
        let result = unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            let result = unsafe chost_ask(prompt, buffer.baseAddress, UInt(buffer.count))
            count = max(result, 0)
            return result
        }
        guard result < 0 else { return }
        switch Int32(-result) {
        case ENXIO: throw .noTerminal
        case ENODATA: throw .endOfInput
        case E2BIG: throw .tooLong
        case let code:
            throw .host(.system(operation: "ask at the terminal", path: nil, code: code))
        }
    }
}
