internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// The service manager that started this process and wants to hear from it
/// ([sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)).
public struct ServiceManager: Sendable, Equatable {
    private let socket: String
    /// How often it wants to hear that all is well, at the least; nil if it does not.
    public let watchdogTime: Duration?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, and removes them, so that no program that
    /// is run speaks for this one.
    ///
    /// - Returns: nil if nobody wants to hear.
    public init?() {
        let socket = Environment.value("NOTIFY_SOCKET")
        let time = Environment.value("WATCHDOG_USEC").flatMap { Int64($0) }
        let isMine = Environment.value("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsafe unsetenv(name) }
        guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@") else { return nil }
        self.socket = socket
        watchdogTime = time.flatMap { $0 > 0 && isMine ? .microseconds($0) : nil }
    }

    /// What there is to say.
    public enum Message: Sendable, Equatable {
        /// Requests are served.
        case ready
        /// The configuration is read anew; ``ready`` comes after it.
        case reloading
        /// The end has begun.
        case stopping
        /// All is well.
        case watchdog
        /// What a person who asks for the service's status reads: one line.
        case status(String)

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(chost_monotonic_microseconds())"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let line): "STATUS=\(line)"
            }
        }
    }

    /// Says it; a manager that does not listen does not matter.
    public func notify(_ messages: Message...) {
        let bytes = messages.map(\.text).joined(separator: "\n")
        _ = unsafe chost_notify(socket, bytes, UInt(bytes.utf8.count))
    }

    /// Whether what goes to standard error goes to the journal.
    public static var readsStandardError: Bool {
        let parts = Environment.value("JOURNAL_STREAM")?.split(separator: ":") ?? []
        guard parts.count == 2, let device = UInt64(parts[0]), let inode = UInt64(parts[1]) else {
            return false
        }
        return chost_is_standard_error(device, inode) != 0
    }

    /// The file of a credential that the manager gave to this service; nil if it gave none of that name.
    public static func credentialFile(_ name: String) -> String? {
        guard let folder = Environment.value("CREDENTIALS_DIRECTORY"), folder.hasPrefix("/") else {
            return nil
        }
        let path = folder + "/" + name
        return PrivateFiles.exists(path) ? path : nil
    }

    /// The folder of that name among those that the manager made for this service's state.
    public static func stateFolder(_ name: String) -> String? {
        Environment.value("STATE_DIRECTORY")?.split(separator: ":").map(String.init).first {
            $0.hasPrefix("/") && $0.hasSuffix("/" + name)
        }
    }
}
