internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A program that asks a person, as `SSH_ASKPASS` names one.
public enum AskingProgram: Sendable {
    /// Runs it with the question as its one argument, and reads what it prints to the end.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is on the `PATH`.
    ///   - prompt: what to ask.
    ///   - output: takes what it prints, up to its free capacity.
    /// - Returns: whether it ended well; if not, the person has cancelled.
    /// - Throws: ``HostError/system(operation:path:code:)`` if it can't be run.
    public static func ask(
        _ program: String, _ prompt: String, into output: inout OutputSpan<UInt8>
    ) throws(HostError) -> Bool {
        let ends = try Pipe()
        let pid = unsafe withCStrings([program, prompt]) { arguments in
            unsafe chost_spawn_asking(program, arguments, ends.writeEnd)
        }
        close(ends.writeEnd)
        guard pid >= 0 else {
            close(ends.readEnd)
            throw .system(operation: "run", path: program, code: -pid)
        }
        try InputDescriptor(owned: ends.readEnd).read(into: &output)
        return endedWell(pid)
    }

    private static func endedWell(_ pid: Int32) -> Bool {
        var status: Int32 = -1
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return false }
        }
        return status == 0
    }
}
