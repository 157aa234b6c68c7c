/// Where a vault is, and where this machine remembers how new it was.
public struct VaultLocation: Sendable, Equatable {
    /// The vault file; an absolute path.
    public var file: String
    /// The folder of remembered generations; an absolute path.
    public var stateFolder: String

    /// Takes two absolute paths.
    public init(file: String, stateFolder: String) {
        self.file = file
        self.stateFolder = stateFolder
    }
}
