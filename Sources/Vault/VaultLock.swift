internal import Host

/// Who has a vault: one broker, on one machine.
public struct LockHolder: Equatable, Sendable {
    /// The broker's process id.
    public let pid: Int32
    /// Its machine.
    public let host: String
    /// The socket that it listens on.
    public let socket: String

    /// Names a holder.
    public init(pid: Int32, host: String, socket: String) {
        self.pid = pid
        self.host = host
        self.socket = socket
    }
}

/// The right to open a vault, held by one process at a time: a lock on `FILE.lock`.
///
/// The file names the holder in three lines: `pid N`, `host H`, `socket PATH`.
public final class VaultLock: Sendable {
    private let lock: FileLock

    private init(_ lock: FileLock) {
        self.lock = lock
    }

    /// Takes the lock, and makes the vault's folder (0700) if it is not there.
    ///
    /// - Throws: ``VaultError/held(by:)`` if another process has it, ``VaultError/host(_:)`` if the
    ///   folder is not safe, or can't be written.
    public static func acquire(
        for file: String, socket: String
    ) throws(VaultError) -> VaultLock {
        let taken: FileLock?
        do {
            try PrivateFiles.makeFolder(SocketPlace.folder(of: file))
            taken = try FileLock(path(for: file))
        } catch {
            throw .host(error)
        }
        guard let taken else {
            throw .held(by: holder(of: file) ?? LockHolder(pid: 0, host: "unknown", socket: ""))
        }
        let lock = VaultLock(taken)
        try lock.rewrite(socket: socket)
        return lock
    }

    /// Names another socket.
    ///
    /// - Throws: ``VaultError/host(_:)``.
    public func rewrite(socket: String) throws(VaultError) {
        do {
            try lock.write(Self.text(socket))
        } catch {
            throw .host(error)
        }
    }

    /// Who holds the lock now; nil if nobody does.
    public static func holder(of file: String) -> LockHolder? {
        LockFile.holder(at: path(for: file)).map {
            LockHolder(pid: $0.pid, host: $0.host, socket: $0.socket)
        }
    }

    private static func path(for file: String) -> String { file + ".lock" }

    private static func text(_ socket: String) -> String {
        LockFile.text(pid: ProcessIdentity.pid, host: Machine.hostName, socket: socket)
    }
}
