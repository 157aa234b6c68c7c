extension HostError {
    /// What a person can do about it, for `bursar doctor`; other commands say less.
    public var cure: String {
        switch self {
        case .unsafe(let path, let reason): reason.cure(path)
        case .system(_, let path?, _): "is the path right, and may you use it? ls -ld \(path)"
        case .system, .notOpen, .timedOut: "try again"
        }
    }
}

extension HostError.Reason {
    fileprivate func cure(_ path: String) -> String {
        switch self {
        case .openMode: "chmod go-rwx \(path)"
        case .foreignOwner: "if you trust what is in it: sudo chown $(id -u) \(path)"
        case .symbolicLink: "put what it leads to in its place"
        case .not: "move it away: mv \(path) \(path).old"
        case .taken: "end that process, or use another socket: --socket PATH"
        case .tooLong: "use a shorter one"
        case .changed: "find out who did that: ls -l \(path)"
        }
    }
}
