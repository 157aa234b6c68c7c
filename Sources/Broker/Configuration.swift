internal import Host
internal import OAuth

/// What `bursard` was told on its command line; there is no file.
public struct Configuration: Sendable, Equatable {
    /// The vault file, absolute.
    public var vaultFile: String
    /// Where generations are remembered, and the log is.
    public var stateFolder: String
    /// Where to listen; for a system broker, the path that the inherited socket has to have, if one was asked
    /// for.
    public var socketPath: String
    /// Where units ask for tokens by `LoadCredential=`; nil for nowhere, or for where systemd listens.
    public var credentialsSocketPath: String?
    /// Whether this is the whole machine's broker, whose sockets come from systemd.
    public var isSystem = false
    /// A proxy for credentials that name none.
    package var proxy: ProxyURL?
    /// How long to wait for a request before ending.
    public var idle = Duration.seconds(15 * 60)
    /// The descriptor for the one line that says how the start went.
    public var reportDescriptor: Int32?

    /// What a command line asks for.
    public enum Request: Sendable, Equatable {
        /// To run.
        case run(Configuration)
        /// To print the version.
        case version
        /// To print the help.
        case help
    }

    /// A command line that is none; what is wrong, in words.
    public struct UsageError: Error, Equatable, Sendable {
        /// One line.
        public let description: String
        /// 64, or 78 for a URL that can't be used.
        public var exitCode: Int32 = 64
    }

    /// What `--help` prints.
    public static let help = """
        usage: bursard [--system] [--vault FILE] [--socket PATH] [--credentials-socket PATH]
                       [--proxy URL] [--idle DURATION]

        The broker of Bursar: keeps a vault of client secrets, and pays out access tokens on a
        Unix socket. bursar starts a user's own when it is needed; systemd starts the machine's.

          --system          serve the whole machine, on the sockets of bursard.socket; the vault
                            is /var/lib/bursar/vault.db, and --socket and --credentials-socket
                            only say which paths those sockets have to have
          --vault FILE      the vault (default: $XDG_DATA_HOME/bursar/vault.db)
          --socket PATH     where to listen (default: $XDG_RUNTIME_DIR/bursar/broker.sock)
          --credentials-socket PATH
                            where units get tokens by LoadCredential=NAME:PATH (default: nowhere)
          --proxy URL       http://HOST:PORT for credentials that name no proxy
          --idle DURATION   end after so long without a request (default: 15m); not with --system
          --version         print the version
          --help            print this

        """

    /// Reads the arguments after the program's name.
    ///
    /// - Throws: ``UsageError`` for what it does not know.
    public static func parse(_ arguments: [String]) throws(UsageError) -> Request {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let argument = word.hasPrefix("--") ? parts.first.map(String.init) ?? word : word
            let joined = word.hasPrefix("--") ? parts.dropFirst().first.map(String.init) : nil
            switch argument {
            case "--version" where joined == nil: return .version
            case "--help" where joined == nil, "-h": return .help
            case "--system" where joined == nil:
                guard values.updateValue("", forKey: argument) == nil else {
                    throw UsageError(description: "\(argument) is given twice")
                }
            case "--vault", "--socket", "--credentials-socket", "--proxy", "--idle",
                "--report-fd":
                guard let value = joined ?? rest.popFirst(), !value.isEmpty else {
                    throw UsageError(description: "\(argument) needs a value")
                }
                guard values.updateValue(value, forKey: argument) == nil else {
                    throw UsageError(description: "\(argument) is given twice")
                }
            default: throw UsageError(description: "unknown argument \"\(escaped(word))\"")
            }
        }
        return .run(try configuration(values))
    }

    private static func configuration(
        _ values: [String: String]
    ) throws(UsageError) -> Configuration {
        var configuration = try places(values)
        configuration.credentialsSocketPath =
            values["--credentials-socket"].map(Environment.absolute)
        if let text = values["--proxy"] {
            guard let proxy = ProxyURL(text) else {
                throw UsageError(description: "--proxy is http://HOST[:PORT]", exitCode: 78)
            }
            configuration.proxy = proxy
        }
        if let text = values["--idle"] {
            guard let idle = Duration(text: text), idle > .zero else {
                throw UsageError(description: "--idle is a duration, like 90s or 15m")
            }
            configuration.idle = idle
        }
        if let text = values["--report-fd"] {
            guard let number = Int32(text), number > 2 else {
                throw UsageError(description: "--report-fd is a descriptor above 2")
            }
            configuration.reportDescriptor = number
        }
        return configuration
    }

    private static func places(
        _ values: [String: String]
    ) throws(UsageError) -> Configuration {
        let vault = values["--vault"].map(Environment.absolute)
        let socket = values["--socket"].map(Environment.absolute)
        guard values["--system"] == nil else {
            guard values["--idle"] == nil else {
                throw UsageError(description: "a system broker never ends by idleness: no --idle")
            }
            return .system(vaultFile: vault, socketPath: socket)
        }
        guard let folders = UserFolders() else {
            throw UsageError(description: "HOME is not set, or no absolute path")
        }
        return Configuration(
            vaultFile: vault ?? folders.vaultFile, stateFolder: folders.stateFolder,
            socketPath: socket ?? folders.socketPath)
    }
}
