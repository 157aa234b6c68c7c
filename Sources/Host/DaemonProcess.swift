internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// A program that goes on by itself after this one ends.
public enum DaemonProcess: Sendable {
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
        return try line(from: ends.readEnd, timeout)
    }

    private static func line(
        from descriptor: Int32, _ timeout: Duration
    ) throws(HostError) -> [UInt8] {
        let end = ContinuousClock.now + timeout
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n"), line.count < 65_536 {
            let left = end - ContinuousClock.now
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = Int32(max(0, left.components.seconds * 1000 + 1))
            let ready = unsafe poll(&poller, 1, left > .zero ? milliseconds : 0)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { throw .timedOut(operation: "the start of the broker") }
            var byte: UInt8 = 0
            guard unsafe read(descriptor, &byte, 1) == 1 else { break }
            line.append(byte)
        }
        if line.last == UInt8(ascii: "\n") { line.removeLast() }
        return line
    }

    /// Waits until a process, not necessarily a child, has ended.
    ///
    /// - Throws: ``HostError/timedOut(operation:)``, ``HostError/system(operation:path:code:)``.
    public static func waitForEnd(of pid: Int32, timeout: Duration) throws(HostError) {
        let result = chost_wait_for_end(pid, Int32(clamping: timeout.components.seconds * 1000))
        guard result != -ETIME else { throw .timedOut(operation: "the end of process \(pid)") }
        guard result == 0 else {
            throw .system(operation: "pidfd_open", path: nil, code: -result)
        }
    }
}

/// The thread's own rest.
public enum ThreadPause: Sendable {
    /// Blocks the thread for a while.
    public static func sleep(milliseconds: Int) {
        usleep(UInt32(milliseconds * 1000))
    }
}
