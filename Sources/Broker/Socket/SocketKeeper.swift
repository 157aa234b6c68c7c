internal import Host
internal import Logging
internal import NIOPosix

/// Keeps a socket where the clients look: a logout may remove the folder it was in.
actor SocketKeeper {
    private let path: String
    private let inherited: InheritedSocket?
    // As seen when it was bound: what the folders say after a logout is another story.
    private let isUsual: Bool
    private let desk: Desk
    private let keeper: VaultKeeper
    private let group: MultiThreadedEventLoopGroup
    private let logger: Logger
    private var listener: Listener?
    private var hasListened = false

    init(
        path: String, inherited: InheritedSocket?, desk: Desk, keeper: VaultKeeper,
        group: MultiThreadedEventLoopGroup, logger: Logger
    ) {
        self.path = path
        self.inherited = inherited
        isUsual = inherited == nil && path == UserFolders.runtimeSocket()
        self.desk = desk
        self.keeper = keeper
        self.group = group
        self.logger = logger
    }

    /// Binds for the first time, or begins to accept on the inherited socket.
    func bind() async throws {
        listener = try await listen(at: path)
        hasListened = true
    }

    /// Binds anew if the path has gone: at the same path, or else where a client without a login looks.
    func check() async {
        guard hasListened, listener?.isInPlace != true else { return }
        // Before the new one: the system may give both the same inode.
        await listener?.abandon(within: .zero)
        listener = nil
        for candidate in candidates {
            guard let fresh = try? await listen(at: candidate) else { continue }
            listener = fresh
            desk.note(socketPath: candidate)
            try? await keeper.note(socket: candidate)
            logger.notice("the socket has gone; bound anew", metadata: ["socket": "\(candidate)"])
            return
        }
    }

    // A socket that was asked for by name has one place; the user's own follows its clients.
    private var candidates: [String] {
        isUsual ? [path, UserFolders.runtimeSocket(isLoggedOut: true)] : [path]
    }

    /// Gives back what a crowd of connections has left behind.
    func giveBackMemory() async {
        if await listener?.hasEmptied() == true { FreedMemory.giveBack() }
    }

    func close(within grace: Duration) async {
        hasListened = false
        await listener?.close(within: grace)
        listener = nil
    }

    private func listen(at path: String) async throws -> Listener {
        let preparation = Listener.http(desk: desk, policy: desk.access.policy)
        if let inherited {
            return try await Listener.adopt(inherited, group: group, preparation: preparation)
        }
        return try await Listener.bind(at: path, group: group, preparation: preparation)
    }
}
