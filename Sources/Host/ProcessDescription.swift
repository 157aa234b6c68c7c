/// What `/proc` tells of a process that others may read too: unit, namespaces, name.
public struct ProcessDescription: Sendable, Equatable {
    /// The systemd unit; nil if there is none, or nobody can tell.
    public let unit: String?
    /// Whether it is in another user or pid namespace than this process, or nobody can tell.
    public let isContained: Bool
    /// What the process calls itself (`comm`); it may say anything.
    public let claimedCommand: String?
    /// Real, effective, saved and file system user id.
    let uids: [UInt32]

    /// A process of which nothing is known: it has no unit, and counts as one in a container.
    public static let unknown = ProcessDescription(
        unit: nil, isContained: true, claimedCommand: nil, uids: [])

    private init(unit: String?, isContained: Bool, claimedCommand: String?, uids: [UInt32]) {
        self.unit = unit
        self.isContained = isContained
        self.claimedCommand = claimedCommand
        self.uids = uids
    }

    /// Reads the files under `/proc/PID`; nil if one can't be read: the process has ended, or `/proc` is
    /// mounted with `hidepid`.
    init?(pid: Int32) {
        func text(_ name: String) -> String? { Self.text("/proc/\(pid)/\(name)") }
        guard let status = text("status"), let cgroups = text("cgroup"), let map = text("uid_map"),
            let own = Self.ownMap
        else { return nil }
        let uids = Self.field("Uid", of: status).compactMap { UInt32($0) }
        let isInPidNamespace = Self.field("NSpid", of: status).count != 1
        self.init(
            unit: SystemdUnit.name(inCgroups: cgroups), isContained: map != own || isInPidNamespace,
            claimedCommand: Self.command(of: pid), uids: uids)
    }

    /// A process of which only the name is asked for: it has no unit, and counts as one in a container.
    init(commandOf pid: Int32) {
        self.init(
            unit: nil, isContained: true, claimedCommand: pid > 0 ? Self.command(of: pid) : nil,
            uids: [])
    }

    private static func command(of pid: Int32) -> String? {
        text("/proc/\(pid)/comm").map { String($0.prefix { $0 != "\n" }) }
    }

    // It can't change once it is written, which was before this program began.
    private static let ownMap = text("/proc/self/uid_map")

    /// Whether this process itself sees every user id as the machine does: its user namespace is the first
    /// one, or maps every id to itself.
    public static var seesAllUsers: Bool {
        let map = ownMap?.split(whereSeparator: \.isWhitespace)
        return map == ["0", "0", "4294967295"]
    }

    private static func text(_ path: String) -> String? {
        // Nearly always the first is enough, and a smaller buffer is wiped sooner.
        for limit in [4 << 10, 1 << 20] {
            if let bytes = try? PrivateFiles.readPublic(path, limit: limit) {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }

    // Bytes, not characters: what a process calls itself stands there, too, and must not join with ours.
    private static func field(_ name: String, of status: String) -> [String] {
        let key = Array((name + ":").utf8)
        for line in status.utf8.split(separator: UInt8(ascii: "\n")) where line.starts(with: key) {
            return line.dropFirst(key.count).split { $0 == 0x20 || $0 == 0x09 }
                .map { String(Substring($0)) }
        }
        return []
    }
}
