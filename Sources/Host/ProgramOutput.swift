internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// What another program of the system says.
public enum ProgramOutput: Sendable {
    /// Runs a program to its end, and reads what it prints.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is on the `PATH`.
    ///   - arguments: what follows its name.
    ///   - limit: the most bytes to read.
    /// - Returns: its output; nil if it can't be run, or does not end well.
    public static func read(_ program: String, _ arguments: [String], limit: Int) -> String? {
        guard let ends = try? Pipe() else { return nil }
        let pid = unsafe withCStrings([program] + arguments) { arguments in
            unsafe chost_spawn_asking(program, arguments, ends.writeEnd)
        }
        close(ends.writeEnd)
        guard pid >= 0 else {
            close(ends.readEnd)
            return nil
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4096)
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe part.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(ends.readEnd, buffer.baseAddress, buffer.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0, bytes.count < limit else { break }
            bytes += part.prefix(count)
        }
        close(ends.readEnd)
        var status: Int32 = -1
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return status == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
