#if canImport(Glibc)
internal import Glibc
#endif

/// The descriptor on which a broker tells the client that started it how the start went.
public struct ReportDescriptor: ~Copyable, Sendable {
    private let number: Int32

    /// Takes over an inherited descriptor.
    public init(number: Int32) {
        self.number = number
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    }

    /// Writes one line; a client that has gone does not matter.
    public borrowing func report(_ line: [UInt8]) {
        var bytes = line
        bytes.append(UInt8(ascii: "\n"))
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe write(number, buffer.baseAddress, buffer.count)
        }
    }

    deinit { _ = close(number) }
}
