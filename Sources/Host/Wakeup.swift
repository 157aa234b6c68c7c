#if canImport(Glibc)
internal import Glibc
#endif

/// Wakes one thread that waits in a system call.
public final class Wakeup: Sendable {
    private let ends: Pipe

    /// One that has not been used.
    ///
    /// - Throws: ``HostError/system(operation:path:code:)``.
    public init() throws(HostError) {
        ends = try Pipe()
    }

    var descriptor: Int32 { ends.readEnd }

    /// Wakes it, now or as soon as it waits.
    public func wake() {
        var byte: UInt8 = 0
        _ = unsafe write(ends.writeEnd, &byte, 1)
    }

    /// Blocks until somebody wakes the thread; what was called until now counts once.
    public func wait() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(ends.readEnd, &bytes, bytes.count) < 0, errno == EINTR {}
    }

    deinit {
        close(ends.readEnd)
        close(ends.writeEnd)
    }
}
