internal import Host

extension Configuration {
    /// What a whole machine's broker serves, and where: it needs no `HOME`.
    ///
    /// - Parameters:
    ///   - vaultFile: another vault than the system's.
    ///   - socketPath: what the inherited socket's path has to be; nil for any.
    /// - Returns: a configuration without its sockets.
    static func system(vaultFile: String?, socketPath: String?) -> Configuration {
        var configuration = Configuration(
            vaultFile: vaultFile ?? "/var/lib/bursar/vault.db",
            stateFolder: ServiceManager.stateFolder("bursar-state") ?? "/var/lib/bursar-state",
            socketPath: socketPath ?? "")
        configuration.isSystem = true
        return configuration
    }
}
