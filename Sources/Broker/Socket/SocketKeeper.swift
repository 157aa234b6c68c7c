internal import Host
internal import Logging
internal import NIOPosix

/// Keeps a socket where the clients look: a logout may remove the folder it was in.
actor SocketKeeper {
    private let path: String
    private let desk: Desk
    private let keeper: VaultKeeper
    private let group: MultiThreadedEventLoopGroup
    private let logger: Logger
    private var listener: Listener?

    init(
        path: String, desk: Desk, keeper: VaultKeeper, group: MultiThreadedEventLoopGroup,
        logger: Logger
    ) {
        self.path = path
        self.desk = desk
        self.keeper = keeper
        self.group = group
        self.logger = logger
    }

    /// Binds for the first time.
    func bind() async throws {
        listener = try await listen(at: path)
    }

    /// Binds anew if the path has gone: at the same path, or else where a client without a login looks.
    func check() async {
        guard let old = listener, !old.isInPlace else { return }
        for candidate in candidates {
            guard let fresh = try? await listen(at: candidate) else { continue }
            await old.close(within: .zero)
            listener = fresh
            desk.note(socketPath: candidate)
            try? await keeper.note(socket: candidate)
            logger.notice("the socket has gone; bound anew", metadata: ["socket": "\(candidate)"])
            return
        }
    }

    // A socket that was asked for by name has one place; the user's own follows its clients.
    private var candidates: [String] {
        guard path == UserFolders.runtimeSocket() else { return [path] }
        return [path, UserFolders.runtimeSocket(isLoggedOut: true)]
    }

    func close(within grace: Duration) async {
        await listener?.close(within: grace)
        listener = nil
    }

    private func listen(at path: String) async throws -> Listener {
        try await Listener.bind(
            at: path, desk: desk, policy: OwnerPolicy(owner: ProcessIdentity.uid), group: group)
    }
}
