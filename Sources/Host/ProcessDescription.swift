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

    private static func field(_ name: String, of status: String) -> [Substring] {
        let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line?.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace) ?? []
    }
}

/// The names of systemd's units in the paths of control groups.
public enum SystemdUnit: Sendable {
    /// The unit of a process, from its `/proc/PID/cgroup`: the first component from the root, in systemd's own
    /// hierarchy, that is no slice.
    ///
    /// What comes below is in the unit's own hands, or in a user's: it proves nothing.
    ///
    /// - Parameter text: the file; both layouts are read, one hierarchy and several.
    /// - Returns: nil if the process is in no unit, or outside of what this process sees.
    public static func name(inCgroups text: String) -> String? {
        let lines = text.split(separator: "\n")
        let paths = ["name=systemd", ""].lazy.compactMap { controllers in
            lines.lazy.compactMap { path(in: $0, of: controllers) }.first
        }
        guard let path = paths.first else { return nil }
        for component in path.split(separator: "/") {
            if component == ".." { return nil }
            // systemd puts `_` before a name that the kernel or it would misread.
            let name = component.hasPrefix("_") ? component.dropFirst() : component
            if !name.hasSuffix(".slice") { return String(name) }
        }
        return nil
    }

    /// Whether it is the name of a service of the machine's own manager; a user's manager is none, for what
    /// runs below it is the user's.
    public static func isService(_ name: String) -> Bool {
        guard name.hasSuffix(".service"), !name.hasPrefix("user@"), name.utf8.count <= 255,
            name.utf8.count > ".service".utf8.count
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
    }

    /// The name as systemctl takes it too, which need not say `.service`.
    public static func withSuffix(_ name: String) -> String {
        name.contains(".") ? name : name + ".service"
    }

    private static func path(in line: Substring, of controllers: String) -> Substring? {
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == controllers else { return nil }
        return parts[2]
    }
}
