/// Small files under `/proc` and `/sys`.
enum ProcFile {
    /// The whole text; nil if it can't be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? PrivateFiles.readPublic(path, limit: 64 << 10) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
