internal import Host
internal import OAuth

/// What `bursard` was told on its command line; there is no file.
public struct Configuration: Sendable, Equatable {
    /// The vault file, absolute.
    public var vaultFile: String
    /// Where generations are remembered, and the log is.
    public var stateFolder: String
    /// Where to listen.
    public var socketPath: String
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
        usage: bursard [--vault FILE] [--socket PATH] [--proxy URL] [--idle DURATION]

        The broker of Bursar: keeps a vault of client secrets, and pays out access tokens on a
        Unix socket. bursar starts it when it is needed.

          --vault FILE      the vault (default: $XDG_DATA_HOME/bursar/vault.db)
          --socket PATH     where to listen (default: $XDG_RUNTIME_DIR/bursar/broker.sock)
          --proxy URL       http://HOST:PORT for credentials that name no proxy
          --idle DURATION   end after so long without a request (default: 15m)
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
            case "--vault", "--socket", "--proxy", "--idle", "--report-fd":
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
        guard let folders = UserFolders() else {
            throw UsageError(description: "HOME is not set, or no absolute path")
        }
        var configuration = Configuration(
            vaultFile: values["--vault"].map(Environment.absolute) ?? folders.vaultFile,
            stateFolder: folders.stateFolder,
            socketPath: values["--socket"].map(Environment.absolute) ?? folders.socketPath)
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
}
