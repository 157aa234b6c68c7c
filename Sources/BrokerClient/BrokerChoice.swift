internal import Host

/// What the command line and the environment say about which broker to talk to.
public struct BrokerChoice: Sendable, Equatable {
    /// `--socket`.
    public var socket: String?
    /// `--system`.
    public var isSystem = false
    /// `--vault`.
    public var vault: String?
    /// Whether a broker may be started: not with `--no-autostart` or `BURSAR_AUTOSTART=0`.
    public var mayStart = true

    /// Nothing said.
    public init() {}

    /// What a command is for decides where it may go by itself.
    public enum Purpose: Sendable {
        /// It makes a vault, or reads a file: the user's own broker, though there may be no vault yet.
        case withoutVault
        /// It gets a token or looks: the system's broker, where the user has no vault.
        case anyBroker
        /// All else: the user's own broker.
        case ownBroker
    }

    /// The system broker's socket.
    public static let systemSocket = "/run/bursar/broker.sock"

    /// Finds the broker, by the four rules of the interface.
    ///
    /// - Throws: ``ClientError``.
    public func place(for purpose: Purpose) throws(ClientError) -> BrokerPlace {
        if isSystem && socket != nil { throw .usage("--system and --socket exclude each other") }
        let vault = (self.vault ?? Environment.value("BURSAR_VAULT")).map(Environment.absolute)
        if isSystem {
            guard PrivateFiles.exists(Self.systemSocket) else {
                throw .noSystemBroker(socket: Self.systemSocket)
            }
            return BrokerPlace(socket: Self.systemSocket, vault: nil, namedVault: vault)
        }
        let mayStart = self.mayStart && Environment.value("BURSAR_AUTOSTART") != "0"
        if let named = socket ?? Environment.value("BURSAR_SOCKET") {
            return BrokerPlace(
                socket: Environment.absolute(named), vault: vault, namedVault: vault,
                mayStart: mayStart && vault != nil)
        }
        guard vault == nil else { throw .vaultWithoutSocket }
        guard let folders = UserFolders() else {
            throw .usage("HOME is not set, or no absolute path")
        }
        if purpose == .withoutVault || PrivateFiles.exists(folders.vaultFile) {
            return BrokerPlace(
                socket: folders.socketPath, vault: folders.vaultFile, namedVault: nil,
                mayStart: mayStart)
        }
        guard purpose == .anyBroker, PrivateFiles.exists(Self.systemSocket) else {
            throw .noVault(folders.vaultFile)
        }
        return BrokerPlace(socket: Self.systemSocket, vault: nil, namedVault: nil)
    }
}

/// One broker: where it listens, and whether this user may start it.
public struct BrokerPlace: Sendable, Equatable {
    /// The socket.
    public let socket: String
    /// The vault that a broker started here would serve; nil if none may be started.
    public let vault: String?
    /// The vault that the user named, which the broker has to serve.
    public let namedVault: String?
    /// Whether a broker may be started here.
    public let mayStart: Bool

    init(socket: String, vault: String?, namedVault: String?, mayStart: Bool = false) {
        self.socket = socket
        self.vault = vault
        self.namedVault = namedVault
        self.mayStart = mayStart
    }

    /// The same place, where a broker may be started if there is a vault for it.
    public func starting() -> BrokerPlace {
        BrokerPlace(socket: socket, vault: vault, namedVault: namedVault, mayStart: vault != nil)
    }

    /// Whether it is the system's, however its path is written.
    public var isSystem: Bool {
        socket == BrokerChoice.systemSocket
            || PrivateFiles.isSamePlace(socket, BrokerChoice.systemSocket)
    }
}
