/// What a vault's lock file says: `pid N`, `host H` and `socket PATH`, a line each.
public enum LockFile: Sendable {
    /// What its holder writes.
    public static func text(pid: Int32, host: String, socket: String) -> String {
        "pid \(pid)\nhost \(host)\nsocket \(socket)\n"
    }

    /// Who holds the lock, as the file names it; nil if nobody does, or the file says nothing of use.
    public static func holder(at path: String) -> (pid: Int32, host: String, socket: String)? {
        FileLock.isHeld(path) ? lastHolder(at: path) : nil
    }

    /// Who held the lock last, or still does: the lock itself is left alone, for looking at it takes it
    /// for a moment, and may disturb a broker that starts.
    public static func lastHolder(at path: String) -> (pid: Int32, host: String, socket: String)? {
        guard let bytes = try? PrivateFiles.read(path, limit: 4096) else { return nil }
        var values: [Substring: Substring] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { continue }
            values[line[..<space]] = line[line.index(after: space)...]
        }
        guard let pid = values["pid"].flatMap({ Int32($0) }), let host = values["host"],
            let socket = values["socket"]
        else { return nil }
        return (pid, String(host), String(socket))
    }
}
