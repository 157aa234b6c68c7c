internal import CHost

/// What may become of this process's memory: whether it can be locked, dumped or swapped.
public struct ProcessMemory: Sendable, Equatable {
    /// Bytes that may be locked, as the hard limit says; nil for no limit.
    public var lockLimit: UInt64?
    /// Bytes that are locked.
    public var lockedByteCount: UInt64
    /// Bytes that are in swap space now.
    public var swappedByteCount: UInt64
    /// Whether a crash, or a debugger of the same user, may read it.
    public var isDumpable: Bool

    /// A state, for tests of what is made of it.
    public init(
        lockLimit: UInt64?, lockedByteCount: UInt64, swappedByteCount: UInt64, isDumpable: Bool
    ) {
        self.lockLimit = lockLimit
        self.lockedByteCount = lockedByteCount
        self.swappedByteCount = swappedByteCount
        self.isDumpable = isDumpable
    }

    /// The state as it is now.
    public static var current: ProcessMemory {
        let limit = chost_locked_memory_limit(1)
        let status = ProcFile.text("/proc/self/status") ?? ""
        return ProcessMemory(
            lockLimit: limit == .max ? nil : limit,
            lockedByteCount: byteCount("VmLck", of: status),
            swappedByteCount: byteCount("VmSwap", of: status),
            isDumpable: chost_is_dumpable() != 0)
    }

    private static func byteCount(_ field: String, of status: String) -> UInt64 {
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        let number = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        return (number.flatMap { UInt64($0) } ?? 0) << 10
    }
}
