internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A program that goes on by itself after this one ends.
public enum DaemonProcess: Sendable {
    /// The most bytes of a line that is read.
    private static let longestLine = 65_536

    /// Starts a program in a session of its own, with nothing open but a pipe for one line.
    ///
    /// - Parameters:
    ///   - path: the program.
    ///   - arguments: what it is told; the pipe is its descriptor 3.
    ///   - environment: `NAME=VALUE`, and nothing else.
    ///   - timeout: how long its first line may take.
    /// - Returns: the line that it wrote, empty if it ended without one.
    /// - Throws: ``HostError/timedOut(operation:)``, ``HostError/system(operation:path:code:)``.
    public static func start(
        _ path: String, arguments: [String], environment: [String], timeout: Duration
    ) throws(HostError) -> [UInt8] {
        let ends = try Pipe()
        defer { close(ends.readEnd) }
        let result = unsafe withCStrings([path] + arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe chost_spawn_daemon(path, arguments, environment, ends.writeEnd)
            }
        }
        close(ends.writeEnd)
        guard result >= 0 else { throw .system(operation: "run", path: path, code: -result) }
        return try line(from: ends.readEnd, until: ContinuousClock.now + timeout)
    }

    private static func line(
        from descriptor: Int32, until end: ContinuousClock.Instant
    ) throws(HostError) -> [UInt8] {
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n"), line.count < longestLine {
            guard try Wait.forInput(descriptor, until: end) else {
                throw .timedOut(operation: "the start of the broker")
            }
            var byte: UInt8 = 0
            guard unsafe read(descriptor, &byte, 1) == 1 else { break }
            line.append(byte)
        }
        if line.last == UInt8(ascii: "\n") { line.removeLast() }
        return line
    }
}
