public import Foundation

/// The built programs in a home of their own: nothing of it is shared with the user, or between tests.
public final class Installation: Sendable {
    /// The folder of everything.
    public let folder: TemporaryFolder
    /// Where the programs are.
    public static let programs = Bundle.main.bundleURL.path
    /// The passphrase of the vault.
    public static let passphrase = "correct horse"

    /// An empty home.
    ///
    /// - Throws: if the folders can't be made.
    public init() throws {
        folder = try TemporaryFolder()
        for name in ["home", "run"] {
            try FileManager.default.createDirectory(
                atPath: path(name), withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700])
        }
        write("passphrase", Self.passphrase + "\n")
    }

    /// A path in the folder.
    public func path(_ name: String) -> String { folder.path + "/" + name }
    /// The vault.
    public var vault: String { path("home/.local/share/bursar/vault.db") }
    /// The broker's socket.
    public var socket: String { path("run/bursar/broker.sock") }

    /// Writes a private file.
    public func write(_ name: String, _ text: String) {
        _ = FileManager.default.createFile(
            atPath: path(name), contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    }

    /// The environment that the programs get.
    public var environment: [String: String] {
        [
            "HOME": path("home"), "XDG_RUNTIME_DIR": path("run"), "PATH": "/usr/bin:/bin",
            "BURSAR_PASSPHRASE_FILE": path("passphrase"), "LANG": "C.UTF-8",
        ]
    }

    /// Runs `bursar` to its end.
    ///
    /// - Throws: if it does not end in time.
    @discardableResult
    public func bursar(
        _ arguments: String..., input: String? = nil, data: Data? = nil,
        environment more: [String: String?] = [:], seconds: Double = 60
    ) throws -> Finished {
        var environment = environment
        for (name, value) in more { environment[name] = value }
        return try ChildProcess.run(
            Self.programs + "/bursar", arguments, environment: environment,
            input: data ?? input.map { Data($0.utf8) }, seconds: seconds)
    }

    /// Makes a vault, cheaply.
    ///
    /// - Throws: if it can't be made.
    public func makeVault() throws {
        let made = try bursar("vault", "init", "--kdf", "interactive")
        guard made.status == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Seals a credential of the scripted endpoint.
    ///
    /// - Throws: if it can't be sealed.
    public func add(
        _ name: String, _ endpoint: ScriptedEndpoint, _ behaviour: String, _ more: String...
    ) throws {
        let added = try ChildProcess.run(
            Self.programs + "/bursar",
            [
                "vault", "add", name, "--token-url", endpoint.url(behaviour), "--client-id", "id",
                "--ca-file", endpoint.caFile, "--auth", "client_secret_post", "--secret-stdin",
            ] + more, environment: environment, input: Data("canary-s3cret".utf8))
        guard added.status == 0 else {
            print(added.error)
            throw CocoaError(.fileWriteUnknown)
        }
    }

    /// The broker's process id.
    ///
    /// - Throws: if none runs.
    public func brokerPID() throws -> Int32 {
        struct Status: Decodable { let pid: Int32 }
        let status = try bursar("status", "--output", "json")
        return try JSONDecoder().decode(Status.self, from: Data(status.output.utf8)).pid
    }

    deinit { _ = try? bursar("broker", "stop", seconds: 20) }
}
