/// What `--version` and the status say.
public enum Version: Sendable {
    /// The version of both programs, as [Semantic Versioning](https://semver.org) writes it.
    public static let current = "0.1.0"
}
