internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// Names one process, child or not, so that its end can be waited for though its id be given to another
/// one ([pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html)).
public struct ProcessWatch: ~Copyable, Sendable {
    private let descriptor: Int32?

    /// Begins to watch; a process that has ended already is fine.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public init(pid: Int32) throws(HostError) {
        let result = chost_open_process(pid)
        guard result >= 0 || result == -ESRCH else {
            throw .system(operation: "watch process \(pid)", path: nil, code: -result)
        }
        descriptor = result >= 0 ? result : nil
    }

    /// Blocks until it has ended.
    ///
    /// - Throws: ``HostError/timedOut(operation:)``, ``HostError/system(operation:path:code:)``.
    public borrowing func waitForEnd(timeout: Duration) throws(HostError) {
        guard let descriptor else { return }
        guard try Wait.forInput(descriptor, until: ContinuousClock.now + timeout) else {
            throw .timedOut(operation: "the end of the process")
        }
    }

    deinit {
        if let descriptor { _ = close(descriptor) }
    }
}

/// Waits with a deadline.
enum Wait {
    /// Blocks until a descriptor can be read; false if that took too long.
    static func forInput(
        _ descriptor: Int32, until end: ContinuousClock.Instant
    ) throws(HostError) -> Bool {
        while true {
            let left = max(.zero, end - ContinuousClock.now)
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&poller, 1, left.wholeMilliseconds)
            if ready > 0 { return true }
            if ready < 0 && errno != EINTR {
                throw .system(operation: "poll", path: nil, code: errno)
            }
            if ContinuousClock.now >= end { return false }
        }
    }
}

extension Duration {
    /// Milliseconds, rounded up, as C takes them.
    var wholeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        return Int32(
            clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// The thread's own rest.
public enum ThreadPause: Sendable {
    /// Blocks the thread for a while.
    public static func sleep(milliseconds: Int) {
        usleep(UInt32(milliseconds * 1000))
    }
}
