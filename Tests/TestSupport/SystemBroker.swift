import Foundation

/// A whole machine's broker, `bursard --system`, under a user id of its own.
///
/// Root makes its sockets, as systemd does; so it takes root.
public final class SystemBroker: Sendable {
    /// The service's user, which is nobody else.
    public static let serviceUID: UInt32 = 23456

    /// What the stand-in for systemd says after each order.
    public struct Answer: Decodable, Sendable {
        /// The broker's process; 0 if none runs.
        public let pid: Int32
        /// Whether the broker said `READY=1`.
        public let ready: Bool
        /// With what it ended; nil if it did not.
        public let status: Int32?
        /// What it told the service manager.
        public let notices: [String]
    }

    /// Everything, readable by all but for what is secret.
    public let folder: TemporaryFolder
    private let process: Process
    private let orders = Pipe()
    private let answers = Pipe()

    /// Makes the folders, the sockets, and no broker yet.
    ///
    /// - Parameters:
    ///   - passphrase: what the service's credential says, line end included; nil for no credential.
    ///   - arguments: more of `bursard`'s, after `--system --vault FILE`.
    ///   - names: `LISTEN_FDNAMES`; empty for none.
    ///   - more: of its environment.
    ///   - hidesProcesses: whether the broker sees a `/proc` with `hidepid`.
    ///   - descriptors: how many it may have open; nil for as many as the tests.
    /// - Throws: if something can't be made.
    public init(
        passphrase: String? = nil, arguments: [String] = [], names: String = "broker:credentials",
        environment more: [String: String] = [:], hidesProcesses: Bool = false,
        descriptors: Int? = nil
    ) throws {
        folder = try TemporaryFolder()
        let path = folder.path
        try Self.prepare(path, passphrase)
        var environment = [
            "STATE_DIRECTORY": "\(path)/bursar:\(path)/bursar-state", "LANG": "C.UTF-8",
        ]
        if passphrase != nil { environment["CREDENTIALS_DIRECTORY"] = "\(path)/credentials" }
        environment.merge(more) { _, new in new }
        guard let script = Bundle.module.url(forResource: "system_broker", withExtension: "py")
        else { throw CocoaError(.fileNoSuchFile) }
        let settings: [String: Any] = [
            "program": "\(path)/bin/bursard", "folder": path, "uid": Int(Self.serviceUID),
            "arguments": ["--system", "--vault", "\(path)/bursar/vault.db"] + arguments,
            "environment": environment, "names": names, "descriptors": descriptors ?? 0,
        ]
        let json = try JSONSerialization.data(withJSONObject: settings)
        process = Process()
        let python = ["/usr/bin/python3", script.path, String(decoding: json, as: UTF8.self)]
        let hiding = "mount -t proc -o hidepid=invisible proc /proc && exec \"$@\""
        let command =
            hidesProcesses
            ? ["/usr/bin/unshare", "-m", "/bin/sh", "-c", hiding, "sh"] + python : python
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = orders
        process.standardOutput = answers
        try process.run()
    }

    private static func prepare(_ path: String, _ passphrase: String?) throws {
        let service =
            [.ownerAccountID: serviceUID, .groupOwnerAccountID: serviceUID]
            as [FileAttributeKey: Any]
        for (name, mode) in [
            ("bin", 0o755), ("run", 0o755), ("bursar", 0o700), ("bursar-state", 0o700),
            ("credentials", 0o700),
        ] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(name)", withIntermediateDirectories: false,
                attributes: [.posixPermissions: mode])
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        if let passphrase {
            let file = "\(path)/credentials/bursar-passphrase"
            _ = FileManager.default.createFile(
                atPath: file, contents: Data(passphrase.utf8),
                attributes: [.posixPermissions: 0o400])
            try FileManager.default.setAttributes(service, ofItemAtPath: file)
        }
        for name in ["bursar", "bursar-state", "credentials"] {
            try FileManager.default.setAttributes(service, ofItemAtPath: "\(path)/\(name)")
        }
        // Where the build's folder is, others may not come; a second name costs nothing.
        for name in ["bursar", "bursard"] {
            let from = "\(Installation.programs)/\(name)"
            let to = "\(path)/bin/\(name)"
            do {
                try FileManager.default.linkItem(atPath: from, toPath: to)
            } catch {
                try FileManager.default.copyItem(atPath: from, toPath: to)
            }
        }
    }

    /// Where callers ask.
    public var socket: String { folder.path + "/run/broker.sock" }
    /// Where units get their tokens.
    public var credentialsSocket: String { folder.path + "/run/credentials.sock" }
    /// The vault.
    public var vault: String { folder.path + "/bursar/vault.db" }
    /// The program that any user may run.
    public var client: String { folder.path + "/bin/bursar" }
    /// What the broker has said so far.
    public var log: String {
        String(
            decoding: FileManager.default.contents(atPath: folder.path + "/log") ?? Data(),
            as: UTF8.self)
    }

    /// Gives an order: `start`, `stop`, `restart`, `signal NUMBER` (and waits for the next `READY=1`), `listen
    /// SECONDS`.
    ///
    /// - Throws: if the stand-in has gone.
    @discardableResult
    public func order(_ words: String) throws -> Answer {
        try orders.fileHandleForWriting.write(contentsOf: Data("\(words)\n".utf8))
        var line = Data()
        while line.last != 10 {
            guard let byte = try answers.fileHandleForReading.read(upToCount: 1), !byte.isEmpty
            else { throw CocoaError(.executableLoad) }
            line += byte
        }
        return try JSONDecoder().decode(Answer.self, from: line)
    }

    /// Runs a program as any user, who is in no groups but those named.
    ///
    /// - Throws: if it does not end in time.
    @discardableResult
    public func run(
        _ program: String, _ arguments: [String], uid: UInt32, gid: UInt32? = nil,
        groups: [UInt32] = [], input: String? = nil,
        environment more: [String: String] = [:], seconds: Double = 60
    ) throws -> Finished {
        let named = groups.map(String.init).joined(separator: ",")
        return try ChildProcess.run(
            "/usr/bin/setpriv",
            [
                "--reuid", "\(uid)", "--regid", "\(gid ?? uid)",
                groups.isEmpty ? "--clear-groups" : "--groups=\(named)", program,
            ] + arguments,
            environment: [
                "PATH": "\(folder.path)/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/",
            ]
            .merging(more) { _, new in new },
            input: input.map { Data($0.utf8) }, seconds: seconds)
    }

    /// Runs `bursar --socket PATH …` as any user.
    ///
    /// - Throws: if it does not end in time.
    @discardableResult
    public func bursar(
        _ arguments: String..., uid: UInt32 = 0, gid: UInt32? = nil, groups: [UInt32] = [],
        input: String? = nil, environment: [String: String] = [:], seconds: Double = 60
    ) throws -> Finished {
        try run(
            client, ["--socket", socket] + arguments, uid: uid, gid: gid, groups: groups,
            input: input, environment: environment, seconds: seconds)
    }

    /// A file of root's that says the passphrase.
    public var passphraseFile: String {
        let path = folder.path + "/passphrase"
        _ = FileManager.default.createFile(
            atPath: path, contents: Data((Installation.passphrase + "\n").utf8),
            attributes: [.posixPermissions: 0o600])
        return path
    }

    /// Makes a vault, cheaply, and leaves it unlocked.
    ///
    /// - Throws: if it can't be made.
    public func makeVault() throws {
        let made = try bursar(
            "--passphrase-file", passphraseFile, "vault", "init", "--kdf", "interactive")
        guard made.status == 0 else {
            print(made.error, log)
            throw CocoaError(.fileWriteUnknown)
        }
    }

    /// Seals a credential of the scripted endpoint.
    ///
    /// - Parameters:
    ///   - name: what it is called.
    ///   - endpoint: where its tokens come from.
    ///   - behaviour: what the endpoint does.
    ///   - user: who gets its tokens; nil for nobody.
    /// - Throws: if it can't be sealed.
    public func add(
        _ name: String, _ endpoint: ScriptedEndpoint, _ behaviour: String,
        allows user: String? = "root"
    ) throws {
        let added = try bursar(
            "vault", "add", name, "--token-url", endpoint.url(behaviour), "--client-id", "id",
            "--ca-file", endpoint.caFile, "--auth", "client_secret_post", "--secret-stdin",
            input: "canary-s3cret")
        guard added.status == 0 else {
            print(added.error, log)
            throw CocoaError(.fileWriteUnknown)
        }
        guard let user else { return }
        let allowed = try bursar("vault", "allow", name, "--user", user)
        guard allowed.status == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit {
        // Not by closing its input alone: other children may have inherited it.
        _ = try? order("stop")
        process.terminate()
        process.waitUntilExit()
    }
}

extension SystemBroker {
    /// A script that asks for a unit's credential as systemd does, where any user can read it.
    ///
    /// - Throws: if it can't be copied.
    public func unitCredentialScript() throws -> String {
        guard let script = Bundle.module.url(forResource: "unit_credential", withExtension: "py")
        else { throw CocoaError(.fileNoSuchFile) }
        let path = folder.path + "/bin/unit_credential.py"
        if !FileManager.default.fileExists(atPath: path) {
            try FileManager.default.copyItem(atPath: script.path, toPath: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        return path
    }
}
