internal import Host

/// A connection to the broker that belongs to a place, whoever listens there checked.
struct BrokerLink: ~Copyable {
    /// The connection.
    let connection: UnixConnection
    /// The vault that the broker is told it has to serve; nil for whichever it serves.
    let vault: String?

    private static let connectTimeout = Duration.seconds(5)
    private static let startTimeout = Duration.seconds(20)

    /// Connects, and starts the broker first if it may be and is not there.
    static func open(_ place: BrokerPlace, starts: Bool) throws(ClientError) -> BrokerLink {
        if let link = try usual(place) { return link }
        if let link = try elsewhere(place) { return link }
        guard starts, place.mayStart, let vault = place.vault else {
            throw .noBroker(socket: place.socket, canStart: place.vault != nil)
        }
        let end = ContinuousClock.now + startTimeout
        while true {
            let report = try start(place, vault)
            if report == Array("ready".utf8) {
                guard let link = try usual(place) else {
                    throw .noBroker(socket: place.socket, canStart: place.vault != nil)
                }
                return link
            }
            // Another client's broker has the lock: wait until it listens.
            guard isHeld(report), ContinuousClock.now < end else { throw .startFailed(report) }
            for _ in 0..<20 {
                if let link = try usual(place) { return link }
                if let link = try elsewhere(place) { return link }
                pause(milliseconds: 50)
            }
        }
    }

    private static func usual(_ place: BrokerPlace) throws(ClientError) -> BrokerLink? {
        guard let connection = try connect(place.socket) else { return nil }
        return BrokerLink(connection: connection, vault: place.namedVault)
    }

    /// Connects to a socket; nil if nobody listens there.
    static func connect(_ socket: String) throws(ClientError) -> UnixConnection? {
        let byteCount = socket.utf8.count
        guard byteCount <= SocketPlace.longestPath else {
            throw .host(
                .unsafe(
                    path: socket, .tooLong(byteCount: byteCount, limit: SocketPlace.longestPath)))
        }
        let link: UnixConnection
        do throws(HostError) {
            guard PrivateFiles.exists(socket) else { return nil }
            try SocketPlace.requireSafe(folder: SocketPlace.folder(of: socket))
            link = try UnixConnection(to: socket, timeout: connectTimeout)
        } catch {
            if error.isNobodyListening { return nil }
            throw .host(error)
        }
        let uid = link.peerUID
        guard uid == ProcessIdentity.uid || uid == 0 else {
            throw .foreignBroker(socket: socket, uid: uid)
        }
        return link
    }

    /// The broker that holds the vault's lock on this machine may listen at another socket: a login shell and
    /// a cron job can see different runtime folders.
    ///
    /// By now it may serve another vault.
    private static func elsewhere(_ place: BrokerPlace) throws(ClientError) -> BrokerLink? {
        guard let vault = place.vault, let holder = LockFile.lastHolder(at: vault + ".lock"),
            holder.host == Machine.hostName, !holder.socket.isEmpty,
            holder.socket != place.socket, let connection = try connect(holder.socket)
        else { return nil }
        return BrokerLink(connection: connection, vault: vault)
    }

    private static func start(_ place: BrokerPlace, _ vault: String) throws(ClientError) -> [UInt8]
    {
        guard let program = program() else { throw .noProgram }
        do {
            return try DaemonProcess.start(
                program,
                arguments: ["--vault", vault, "--socket", place.socket, "--report-fd", "3"],
                environment: environment, timeout: startTimeout)
        } catch {
            throw .host(error)
        }
    }

    /// `bursard` beside this program, else on the `PATH`.
    static func program() -> String? {
        var folders = (Environment.value("PATH") ?? "").split(separator: ":").map(String.init)
        if let own = Environment.executable { folders.insert(SocketPlace.folder(of: own), at: 0) }
        return folders.filter { $0.hasPrefix("/") }.map { $0 + "/bursard" }
            .first(where: Environment.isExecutable)
    }

    /// What a broker inherits: where things are; whom to trust, and through which proxy, is no caller's word.
    private static var environment: [String] {
        let names = [
            "HOME", "PATH", "TZ", "TMPDIR", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
        ]
        return names.compactMap { name in Environment.value(name).map { "\(name)=\($0)" } }
    }

    private static func isHeld(_ report: [UInt8]) -> Bool {
        String(decoding: report, as: UTF8.self).contains("urn:bursar:problem:try-later")
    }

    private static func pause(milliseconds: Int) {
        ThreadPause.sleep(milliseconds: milliseconds)
    }
}

extension HostError {
    /// The path is gone (ENOENT), or a socket that nobody listens on (ECONNREFUSED).
    fileprivate var isNobodyListening: Bool {
        if case .system("connect", _, let code) = self { code == 2 || code == 111 } else { false }
    }
}
