internal import Host

extension Problem {
    /// The problem of an audit trail that can't be written; where it is, is no caller's business.
    init(trail error: HostError) {
        let words = "can't write the audit trail: \(error.cause)"
        switch error {
        case .unsafe(_, .changed):
            self.init(
                "io", 500, 74, words,
                [
                    "lock and unlock, and see what is missing: bursar lock; bursar unlock; "
                        + "bursar audit --verify"
                ])
        case .unsafe:
            self.init(
                "io", 500, 74, words, ["it lies in the folder of the remembered generation"])
        default:
            self.init("io", 500, 74, words, ["is the disk full, or read-only? df -h"])
        }
    }
}
