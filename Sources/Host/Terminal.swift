internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// The terminal that a person sits at.
public enum Terminal: Sendable {
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

    /// Asks for one line, without echo.
    ///
    /// - Parameters:
    ///   - prompt: what to ask.
    ///   - output: takes the line, without its end, up to its free capacity.
    /// - Throws: ``HostError/system(operation:path:code:)``: no terminal, end of file, or too long a line.
    public static func ask(
        _ prompt: String, into output: inout OutputSpan<UInt8>
    ) throws(HostError) {
        let result = unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            let result = unsafe chost_ask(prompt, buffer.baseAddress, UInt(buffer.count))
            count = max(result, 0)
            return result
        }
        guard result >= 0 else {
            throw .system(operation: "ask at the terminal", path: nil, code: Int32(-result))
        }
    }
}
