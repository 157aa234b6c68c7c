/// Where the kernel may put memory that is not locked.
public enum SwapSpace: Sendable {
    /// The devices and files in use, those that are memory themselves (zram) left out; nil if the kernel does
    /// not show them, as to a service with `ProcSubset=pid`.
    public static var devices: [String]? {
        ProcFile.text("/proc/swaps").map { devices(in: $0) }
    }

    /// Whether this process's control group, or one above it, may not use any (`memory.swap.max`; systemd's
    /// `MemorySwapMax=0`).
    public static var isForbidden: Bool {
        isForbidden(cgroups: ProcFile.text("/proc/self/cgroup") ?? "", read: ProcFile.text)
    }

    /// The same of the text of `/proc/swaps`.
    package static func devices(in text: String) -> [String] {
        text.split(separator: "\n").dropFirst()
            .compactMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
            .filter { !$0.hasPrefix("/dev/zram") && !$0.hasPrefix("/zram") }
    }

    /// The same of the text of `/proc/self/cgroup`, and of a file system to look in.
    package static func isForbidden(cgroups text: String, read: (String) -> String?) -> Bool {
        let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
        guard let line else { return false }
        var folder = "/sys/fs/cgroup"
        for component in line.dropFirst("0::/".count).split(separator: "/") {
            folder += "/" + component
            let limit = read(folder + "/memory.swap.max")
            if limit?.prefix(while: { !$0.isWhitespace }) == "0" { return true }
        }
        return false
    }
}
