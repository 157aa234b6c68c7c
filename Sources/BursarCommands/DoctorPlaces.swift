internal import BrokerClient
internal import Host
internal import Sodium

/// What the doctor sees of files and folders; the vault's own are looked at, and never opened.
enum PlaceFindings {
    /// The folder of the socket, and the socket if it is there.
    static func socket(_ place: BrokerPlace) -> FindingDocument {
        let folder = SocketPlace.folder(of: place.socket)
        var finding = finding("socket", place.socket) { () throws(HostError) in
            guard PrivateFiles.exists(folder) else { return }
            if place.isSystem { return try SocketPlace.requireRoot(folder: folder) }
            try SocketPlace.requireSafe(folder: folder)
            // Where only the socket is named, its broker may be one for others as well.
            if place.vault != nil, PrivateFiles.exists(place.socket) {
                try SocketPlace.requirePrivate(place.socket)
            }
        }
        if place.isSystem, finding.level == .problem {
            finding.cure = "sudo chown root \(folder); sudo chmod 755 \(folder)"
        }
        return finding
    }

    /// The vault's file and folder, and the state's.
    static func vault(_ path: String) -> [FindingDocument] {
        guard PrivateFiles.exists(path) else { return [.problem("vault", Failure(.noVault(path)))] }
        let vault = finding("vault", path) { () throws(HostError) in
            try PrivateFiles.requirePrivate(file: path)
            try SocketPlace.requireSafe(folder: SocketPlace.folder(of: path))
        }
        guard let state = UserFolders.state, PrivateFiles.exists(state) else { return [vault] }
        return [
            vault,
            finding("state", state) { () throws(HostError) in
                try SocketPlace.requireSafe(folder: state)
                try PrivateFiles.requirePrivate(filesIn: state)
            },
        ]
    }

    /// Somebody has the vault, but does not answer.
    static func held(by pid: Int32, on host: String) -> FindingDocument {
        guard host == Machine.hostName else {
            return .problem(
                "vault", "a broker on \(host) has it (pid \(pid))",
                cure: "bursar broker stop, there")
        }
        return .problem(
            "broker", "the one that has the vault does not answer (pid \(pid))", cure: "kill \(pid)"
        )
    }

    private static func finding(
        _ subject: String, _ path: String, _ require: () throws(HostError) -> Void
    ) -> FindingDocument {
        do {
            try require()
        } catch {
            return .problem(subject, error.description, cure: error.cure)
        }
        guard FileSystem.isNetwork(path) else {
            return .ok(subject, "nobody else can change \"\(path)\"")
        }
        return .note(
            subject, "\"\(path)\" is on a network file system: one machine at a time, and slower")
    }
}

/// What the doctor sees of a broker that would be started from here: it inherits the limits.
enum MemoryFindings {
    private static let needed = 192 << 10

    static var findings: [FindingDocument] {
        try? Hardening.raiseLockedMemoryLimit()
        let limit = ProcessMemory.current.lockLimit.map { "\($0 >> 10) KiB" } ?? "no limit"
        let locking: FindingDocument =
            Secret.isLockingRefused(byteCount: needed)
            ? .problem(
                "memory lock",
                "a broker started here could not lock secrets in memory (limit: \(limit))",
                cure: "allow 8 MiB: memlock in /etc/security/limits.conf")
            : .ok(
                "memory lock", "a broker started here can lock secrets in memory (limit: \(limit))")
        return [locking, swap]
    }

    static var swap: FindingDocument {
        guard let device = SwapSpace.devices?.first else {
            return .ok("swap", "this machine has none")
        }
        return .note("swap", "access tokens may get to \"\(device)\"", cure: "encrypt it")
    }
}
