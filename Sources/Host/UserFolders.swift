#if canImport(Glibc)
internal import Glibc
#endif

/// Where a user's own vault, state and socket are, by the
/// [XDG base directories](https://specifications.freedesktop.org/basedir-spec/latest/).
public struct UserFolders: Sendable, Equatable {
    /// The vault file.
    public let vaultFile: String
    /// Remembered generations and the log.
    public let stateFolder: String
    /// The broker's socket.
    public let socketPath: String

    /// Reads the environment.
    ///
    /// - Returns: nil if `HOME` is needed and is no absolute path.
    public init?() {
        let home = Self.absolute("HOME")
        guard let data = Self.absolute("XDG_DATA_HOME") ?? home.map({ $0 + "/.local/share" }),
            let state = Self.absolute("XDG_STATE_HOME") ?? home.map({ $0 + "/.local/state" })
        else { return nil }
        vaultFile = data + "/bursar/vault.db"
        stateFolder = state + "/bursar"
        socketPath = Self.runtimeSocket()
    }

    /// The state folder alone, for a vault that is elsewhere.
    public static var state: String? {
        Self.absolute("XDG_STATE_HOME").map { $0 + "/bursar" }
            ?? Self.absolute("HOME").map { $0 + "/.local/state/bursar" }
    }

    /// The socket in `XDG_RUNTIME_DIR`, else in the user's `/run/user`, else in `/tmp`.
    ///
    /// - Parameter isLoggedOut: whether the folder that the variable names has gone, as it does at a
    ///   logout; then it says nothing.
    /// - Returns: an absolute path.
    public static func runtimeSocket(isLoggedOut: Bool = false) -> String {
        let uid = geteuid()
        if !isLoggedOut, let runtime = absolute("XDG_RUNTIME_DIR") {
            return runtime + "/bursar/broker.sock"
        }
        let login = "/run/user/\(uid)"
        var status = stat()
        if unsafe stat(login, &status) == 0, status.st_uid == uid,
            status.st_mode & S_IFMT == S_IFDIR
        {
            return login + "/bursar/broker.sock"
        }
        return sharedRuntimeFolder + "/broker.sock"
    }

    /// Where the socket is if there is no runtime folder.
    static var sharedRuntimeFolder: String { "/tmp/bursar-\(geteuid())" }

    // The specification says that a relative path there is to be ignored.
    private static func absolute(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.hasPrefix("/") ? text : nil
    }
}
