import Foundation
import Synchronization
import TestSupport
import Testing

/// What is left of a secret after use: in the broker's memory, in files, in the process list, in the log.
///
/// The search is that of the demo; what it finds in the server's memory shows that it sees.
@Suite(
    .enabled(if: getuid() == 0, "reading the memory of a process that is not dumpable takes root"))
struct SecretMemoryTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
        try installation.makeVault()
    }

    private static let scanner =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path + "/Scripts/scan-secret"

    private func scan(_ needle: String, _ arguments: String...) throws -> Finished {
        try ChildProcess.run(
            "/usr/bin/python3",
            [Self.scanner, "--needle-file", installation.path(needle)] + arguments,
            environment: [:], seconds: 120)
    }

    /// Short ones lie inside a Swift string, long ones beside it.
    private func writeSecret(_ name: String, byteCount: Int) {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        installation.write(
            name, String((0..<byteCount).map { _ in letters.randomElement() ?? "a" }))
    }

    private func expectNothing(of needle: String, in pid: Int32) throws {
        let found = try scan(
            needle, "--pids", "\(pid)", "--files", installation.path("home"),
            installation.path("run"),
            "--processes")
        #expect(found.status == 0, "\(needle): \(found.output)\(found.error)")
    }

    @Test(arguments: ["client_secret_basic", "client_secret_basic_raw", "client_secret_post"])
    func anIdleBrokerHoldsNoSecret(method: String) throws {
        let pid = try installation.brokerPID()
        let sizes = [8, 15, 16, 64]
        for size in sizes {
            let name = "secret-\(size)"
            writeSecret(name, byteCount: size)
            let added = try installation.bursar(
                "vault", "add", name, "--token-url", endpoint.url("ok/memory-\(method)-\(size)"),
                "--client-id", "id", "--ca-file", endpoint.caFile, "--auth", method,
                "--secret-file",
                installation.path(name))
            try #require(added.status == 0, "\(added.error)")
            for count in 1...20 {
                let got = try installation.bursar("token", "get", name, "--fresh")
                #expect(got.output == "token-\(count)\n", "\(got.error)")
            }
        }
        usleep(500_000)
        for size in sizes { try expectNothing(of: "secret-\(size)", in: pid) }
        try expectNothing(of: "passphrase", in: pid)
        // Where it is, the search finds it.
        #expect(try scanOfItsHolder("secret-64").status == 1)
    }

    /// Searches a process that has read the secret, and waits.
    private func scanOfItsHolder(_ name: String) throws -> Finished {
        let holder = Process()
        let (input, output) = (Pipe(), Pipe())
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        holder.arguments = [
            "-c",
            "import sys; held = open(sys.argv[1]).read(); print('held', flush=True); sys.stdin.read()",
            installation.path(name),
        ]
        holder.standardInput = input
        holder.standardOutput = output
        try holder.run()
        defer {
            try? input.fileHandleForWriting.close()
            holder.waitUntilExit()
        }
        _ = try output.fileHandleForReading.read(upToCount: 5)
        return try scan(name, "--pids", "\(holder.processIdentifier)")
    }

    /// Requests that fail, each in another part of the program.
    @Test(arguments: [
        "echo", "error-invalid_client", "html-403", "redirect-302", "close", "empty-401", "hang",
    ])
    func aFailedRequestLeavesNothingEither(behaviour: String) throws {
        writeSecret("secret", byteCount: 24)
        let added = try installation.bursar(
            "vault", "add", "x", "--token-url", endpoint.url(behaviour + "/memory"), "--client-id",
            "id",
            "--ca-file", endpoint.caFile, "--auth", "client_secret_post", "--secret-file",
            installation.path("secret"))
        try #require(added.status == 0, "\(added.error)")
        for _ in 1...3 {
            let got = try installation.bursar("token", "get", "x", "--fresh", "--timeout", "1s")
            #expect(got.status != 0)
            let secret = try String(contentsOfFile: installation.path("secret"), encoding: .utf8)
            #expect(!got.error.contains(secret))
        }
        // What a server repeats is in the buffer of its connection until that is closed: 2 s, and 5 for TLS.
        usleep(behaviour == "echo" ? 9_000_000 : 500_000)
        try expectNothing(of: "secret", in: try installation.brokerPID())
    }

    /// By both forms of authentication, some timed out and some refused, a thousand in all.
    @Test func aThousandRequestsLeaveNothing() throws {
        let pid = try installation.brokerPID()
        let methods = ["client_secret_basic", "client_secret_post"]
        for method in methods {
            // Each encoding writes it in another way.
            installation.write(method, "&a +~/%" + UUID().uuidString)
            for behaviour in ["ok", "hang", "error-invalid_client"] {
                let added = try installation.bursar(
                    "vault", "add", "\(behaviour).\(method)", "--token-url",
                    endpoint.url("\(behaviour)/thousand-\(method)"), "--client-id", "id",
                    "--ca-file", endpoint.caFile, "--auth", method, "--secret-file",
                    installation.path(method))
                try #require(added.status == 0, "\(added.error)")
            }
        }
        let hanging = try methods.flatMap { method in
            try (1...20).map { try ask("hang.\(method)", "scope=s\($0)&timeout=2") }
        }
        let statuses = Mutex<[String: Int]>([:])
        @Sendable func count(_ answer: String) {
            statuses.withLock { $0[String(answer.prefix(12)), default: 0] += 1 }
        }
        DispatchQueue.concurrentPerform(iterations: 4) { number in
            let method = methods[number % 2]
            guard let connection = try? RawConnection(installation.socket) else { return }
            for turn in 1...240 {
                let isRefused = turn % 24 == 0
                connection.send(
                    request(
                        (isRefused ? "error-invalid_client." : "ok.") + method,
                        "fresh=1&scope=s\(number)"))
                count(connection.receive(until: "}").text)
            }
        }
        for connection in hanging { count(connection.receive(until: "}").text) }
        #expect(
            statuses.withLock(\.self) == [
                "HTTP/1.1 200": 920, "HTTP/1.1 403": 40, "HTTP/1.1 503": 40,
            ])
        // The server's connections are kept for 2 s, and TLS says goodbye for 5.
        usleep(8_000_000)
        for needle in methods + ["passphrase"] { try expectNothing(of: needle, in: pid) }
        #expect(
            try scan(methods[0], "--pids", "\(endpoint.pid)").status == 1
                || scan(methods[1], "--pids", "\(endpoint.pid)").status == 1)
    }

    private func request(_ name: String, _ query: String) -> String {
        "GET /v1/credentials/\(name)/token?\(query) HTTP/1.1\r\nHost: b\r\n\r\n"
    }

    private func ask(_ name: String, _ query: String) throws -> RawConnection {
        let connection = try RawConnection(installation.socket)
        connection.send(request(name, query))
        return connection
    }

    /// Passphrases that were typed wrong, or that are no longer the vault's.
    @Test func noPassphraseStays() throws {
        let pid = try installation.brokerPID()
        writeSecret("wrong", byteCount: 15)
        writeSecret("new", byteCount: 40)
        #expect(
            try installation.bursar("unlock", "--passphrase-file", installation.path("wrong"))
                .status == 77)
        let changed = try installation.bursar(
            "vault", "passwd", "--new-passphrase-file", installation.path("new"))
        #expect(changed.status == 0, "\(changed.error)")
        #expect(try installation.bursar("lock").status == 0)
        #expect(
            try installation.bursar("unlock", "--passphrase-file", installation.path("new")).status
                == 0)
        usleep(500_000)
        for name in ["passphrase", "wrong", "new"] { try expectNothing(of: name, in: pid) }
    }

    /// What was refused before it was sealed: a name that is taken, a body of the wrong kind.
    @Test func aRefusedSecretLeavesNothing() throws {
        let pid = try installation.brokerPID()
        writeSecret("secret", byteCount: 32)
        try installation.add("x", endpoint, "ok/refused")
        let refused = try installation.bursar(
            "vault", "add", "x", "--token-url", endpoint.url("ok"), "--client-id", "id",
            "--secret-file",
            installation.path("secret"))
        #expect(refused.status == 73)
        let secret = try String(contentsOfFile: installation.path("secret"), encoding: .utf8)
        let half = try RawConnection(installation.socket)
        half.send(
            "PUT /v1/credentials/y HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 1000\r\n\r\n{\"client_id\":\"i\",\"token_url\":\"https://h/\"}\0\(secret)"
        )
        let wrong = try RawConnection(installation.socket).ask(
            "POST /v1/unlock HTTP/1.1\r\nHost: b\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                + "Content-Length: 32\r\n\r\n\(secret)")
        #expect(wrong.hasPrefix("HTTP/1.1 415 "))
        let senseless = try RawConnection(installation.socket).ask(
            "PUT /v1/credentials/y HTTP/1.1\r\nHost: b\r\nConnection: close\r\n"
                + "Content-Length: 32\r\n\r\n\(secret)")
        #expect(senseless.hasPrefix("HTTP/1.1 400 "))
        #expect(half.receive(seconds: 15).text.hasPrefix("HTTP/1.1 408 "))
        usleep(700_000)
        try expectNothing(of: "secret", in: pid)
    }
}
