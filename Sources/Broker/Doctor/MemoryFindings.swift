internal import Host
internal import Sodium

/// What the doctor says about the broker's own memory.
struct MemoryFindings: Sendable {
    var memory: ProcessMemory
    /// Whether the kernel refuses to lock as much as the largest secret needs.
    var isLockingRefused: Bool
    /// Whether the master key should be in locked memory now.
    var isUnlocked: Bool
    /// nil if nobody can tell.
    var swapDevices: [String]?
    var isSwapForbidden: Bool

    /// A secret of the largest size, its guard pages and a passphrase beside it.
    private static let needed = 192 << 10

    /// What is to be said, from the process as it is now.
    static func current(isUnlocked: Bool) -> MemoryFindings {
        MemoryFindings(
            memory: .current, isLockingRefused: Secret.isLockingRefused(byteCount: needed),
            isUnlocked: isUnlocked, swapDevices: SwapSpace.devices,
            isSwapForbidden: SwapSpace.isForbidden)
    }

    /// A line for dumps, one for locking, and one for swap if this process can tell.
    var findings: [Finding] { [dumps, locking] + (swap.map { [$0] } ?? []) }

    private var dumps: Finding {
        guard memory.isDumpable else {
            return .ok("core dumps", "the broker forbids them, and debuggers")
        }
        return .problem(
            "core dumps", "a crash of the broker would write its memory to disk",
            cure: "start it anew: bursar broker stop")
    }

    /// Beside the master key little is locked while nothing is asked: none at all means that it is not.
    private var isKeyUnlocked: Bool { isUnlocked && memory.lockedByteCount == 0 }

    private var locking: Finding {
        let limit = memory.lockLimit.map { "\($0 >> 10) KiB" } ?? "no limit"
        guard isLockingRefused || isKeyUnlocked else {
            return .ok("memory lock", "secrets are locked in memory (limit: \(limit))")
        }
        return .problem(
            "memory lock",
            "the kernel refuses to lock secrets in memory, so they may be swapped (limit: \(limit))",
            cure: "allow 8 MiB (LimitMEMLOCK= of the unit, memlock in /etc/security/limits.conf), "
                + "and start the broker anew")
    }

    // Where the sandbox hides it, the client looks.
    private var swap: Finding? {
        if isSwapForbidden { return .ok("swap", "the broker may not use any") }
        guard let swapDevices else { return nil }
        guard let device = swapDevices.first else { return .ok("swap", "this machine has none") }
        let swapped = memory.swappedByteCount >> 10
        let place = "\"\(device)\"" + (swapDevices.count > 1 ? ", …" : "")
        return .note(
            "swap",
            "access tokens may get to \(place)"
                + (swapped > 0 ? " (\(swapped) KiB of the broker are there)" : ""),
            cure: "encrypt it")
    }
}
