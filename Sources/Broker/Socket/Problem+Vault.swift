package import Host
internal import Vault

extension Problem {
    /// The problem of an error of the vault.
    init(_ error: VaultError) {
        let words = error.description
        switch error {
        case .noVault:
            self.init("no-vault", 404, 66, words, ["make one: bursar vault init"])
        case .vaultExists:
            self.init("exists", 409, 73, words, ["to change its passphrase: bursar vault passwd"])
        case .held(let holder):
            self.init(
                "try-later", 503, 75, words,
                holder.socket.isEmpty ? [] : ["use it: bursar --socket \(holder.socket) status"])
            retryAfter = 1
        case .host(let error): self.init(error)
        case .damaged(.rememberedGeneration(let path)):
            self.init(
                "vault-damaged", 500, 65, words,
                ["if you trust the vault as it is, remove that file: rm \(path)"])
        case .damaged:
            self.init(
                "vault-damaged", 500, 65, words,
                [
                    "put a backup in its place: bursar broker stop; rm -f VAULT-wal; cp BACKUP VAULT; "
                        + "bursar vault check"
                ])
        case .newerFormat:
            self.init("vault-newer", 500, 65, words, ["install a newer Bursar"])
        case .older(_, _, let lacksLog):
            self.init(
                "vault-older", 500, 65, words,
                [
                    lacksLog
                        ? "was an old copy put back, or the file moved without its -wal?"
                        : "was an old copy put back?",
                    "if it is meant to be here: bursar unlock --accept-older",
                ])
        case .costOutOfBounds:
            self.init(
                "vault-damaged", 500, 65, words,
                ["the file may have been tampered with; try a backup: bursar vault check BACKUP"])
        case .outOfMemory:
            self.init("try-later", 503, 75, words, ["free some memory, and try again"])
            retryAfter = 10
        case .wrongPassphrase: self.init("wrong-passphrase", 403, 77, words)
        case .locked:
            self.init("locked", 403, 77, words, ["unlock it: bursar unlock"])
        case .noSuchCredential:
            self.init(
                "no-such-credential", 404, 66, words, ["the names there are: bursar vault list"])
        case .credentialExists(let name):
            self.init(
                "exists", 412, 73, words,
                ["to put another in its place: bursar vault add \(name) --replace …"])
        case .destinationChanged(let name):
            self.init(BrokerError.destinationChanged(name: name))
        case .replaced:
            self.init(
                "vault-damaged", 500, 65, words,
                [
                    "if the file there now is the right one: bursar broker stop; bursar unlock",
                    "what the other file lacked is in VAULT.moved-wal then; its name is OTHER-wal",
                ])
        case .logInUse:
            self.init(
                "io", 500, 74, words,
                ["end the other process (a backup?), then: bursar broker stop"])
        case .io:
            self.init("io", 500, 74, words, ["is the disk full, or read-only? df -h"])
        }
    }

    /// The problem of what the operating system refused.
    package init(_ error: HostError) {
        switch error {
        case .system, .timedOut, .notOpen: self.init("io", 500, 74, error.description)
        case .unsafe(_, .taken):
            self.init(
                "configuration", 500, 78, error.description,
                ["give this broker another one: --socket PATH"])
        case .unsafe(let path, .openMode):
            self.init(
                "configuration", 500, 78, error.description, ["chmod go-rwx \(path)"])
        case .unsafe: self.init("configuration", 500, 78, error.description)
        }
    }
}
