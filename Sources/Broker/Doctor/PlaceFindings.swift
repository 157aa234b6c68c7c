internal import Host

/// What the doctor says about the folders that a broker keeps its files in; none of them is opened.
struct PlaceFindings: Sendable {
    let vaultFile: String
    let stateFolder: String
    /// Whether a path is on a file system that several machines may have mounted.
    var isNetwork: @Sendable (String) -> Bool = { FileSystem.isNetwork($0) }

    var findings: [Finding] {
        var findings: [Finding] = []
        if PrivateFiles.exists(vaultFile) {
            findings.append(
                place("vault", vaultFile) { () throws(HostError) in
                    try PrivateFiles.requirePrivate(file: vaultFile)
                    try SocketPlace.requireSafe(folder: SocketPlace.folder(of: vaultFile))
                })
        }
        if PrivateFiles.exists(stateFolder) {
            findings.append(
                place("state", stateFolder) { () throws(HostError) in
                    try SocketPlace.requireSafe(folder: stateFolder)
                    try PrivateFiles.requirePrivate(filesIn: stateFolder)
                })
        }
        return findings
    }

    private func place(
        _ subject: String, _ path: String, _ require: () throws(HostError) -> Void
    ) -> Finding {
        do {
            try require()
        } catch {
            return .problem(subject, error.description, cure: error.cure)
        }
        guard isNetwork(path) else {
            return .ok(subject, "nobody else can change \"\(path)\"")
        }
        return .note(
            subject, "\"\(path)\" is on a network file system: one machine at a time, and slower",
            cure: "keep it on a local disk: XDG_DATA_HOME, XDG_STATE_HOME")
    }
}
