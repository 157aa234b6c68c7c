import Foundation
import TestSupport
import Testing

/// What is asked at a terminal, and that echo always comes back.
@Suite
struct TerminalTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
    }

    private struct Seen: Decodable {
        var shown: String
        var status: Int?
        var echoes: Bool?
        var failed: String?
    }

    private func play(
        _ steps: [[String]], _ command: String..., environment more: [String: String] = [:]
    ) throws -> Seen {
        let script = try #require(PersonScript.url)
        var environment = installation.environment
        environment["BURSAR_PASSPHRASE_FILE"] = nil
        environment.merge(more) { $1 }
        let json = try JSONSerialization.data(
            withJSONObject: steps.map { step in
                step.map { $0 == "true" ? true : $0 == "false" ? false : $0 as Any }
            })
        let ended = try ChildProcess.run(
            "/usr/bin/python3",
            [script.path, String(decoding: json, as: UTF8.self), Installation.programs + "/bursar"]
                + command,
            environment: environment, seconds: 60)
        try #require(!ended.output.isEmpty, "\(ended.error)")
        let seen = try JSONDecoder().decode(Seen.self, from: Data(ended.output.utf8))
        #expect(seen.failed == nil, "\(seen)")
        return seen
    }

    private static let twice = [
        ["expect", "Passphrase of the new vault: "], ["echo", "false"], ["type", "opensesame\n"],
        ["expect", "once more: "], ["echo", "false"], ["type", "opensesame\n"],
    ]

    @Test func aNewPassphraseIsAskedTwiceAndNeverShown() throws {
        let seen = try play(Self.twice, "vault", "init", "--kdf", "interactive")
        #expect(seen.status == 0)
        #expect(seen.echoes == true)
        #expect(!seen.shown.contains("opensesame"))
        // It is the passphrase now.
        #expect(try installation.bursar("lock").status == 0)
        let unlocked = try play(
            [["expect", "Passphrase of the vault: "], ["type", "opensesame\n"]], "unlock")
        #expect(unlocked.status == 0)
    }

    @Test func twoThatDifferMakeNoVault() throws {
        var steps = Self.twice
        steps[5] = ["type", "opensesamr\n"]
        let seen = try play(steps, "vault", "init", "--kdf", "interactive")
        #expect(seen.status == 64)
        #expect(seen.shown.contains("bursar: error: the two are not the same\r\n"))
        #expect(!FileManager.default.fileExists(atPath: installation.vault))
    }

    @Test func anAskingProgramIsAskedTwiceToo() throws {
        installation.write(
            "ask", "#!/bin/sh\necho \"$1\" >> \(installation.path("asked"))\necho opensesame\n")
        #expect(chmod(installation.path("ask"), 0o700) == 0)
        let made = try installation.bursar(
            "vault", "init", "--kdf", "interactive",
            environment: [
                "BURSAR_PASSPHRASE_FILE": nil, "BURSAR_ASKPASS": installation.path("ask"),
            ])
        #expect(made.status == 0, "\(made.error)")
        #expect(
            try String(contentsOfFile: installation.path("asked"), encoding: .utf8)
                == "Passphrase of the new vault: \nThe same once more: \n")
    }

    @Test(arguments: [("INT", 2), ("TERM", 15), ("HUP", 1), ("QUIT", 3)])
    func echoComesBackAfter(signal: String, number: Int) throws {
        let seen = try play(
            [
                ["expect", "new vault: "], ["echo", "false"], ["type", "half"], ["signal", signal],
            ],
            "vault", "init", "--kdf", "interactive")
        #expect(seen.status == 128 + number)
        #expect(seen.echoes == true)
        #expect(!FileManager.default.fileExists(atPath: installation.vault))
    }

    @Test func afterAStopItAsksAgain() throws {
        let seen = try play(
            [
                ["expect", "new vault: "], ["echo", "false"], ["type", "half"], ["signal", "TSTP"],
                ["stopped"], ["echo", "true"], ["signal", "CONT"],
            ] + Self.twice, "vault", "init", "--kdf", "interactive")
        #expect(seen.status == 0)
        #expect(seen.echoes == true)
        #expect(try installation.bursar("lock").status == 0)
        #expect(
            try play([["expect", "of the vault: "], ["type", "opensesame\n"]], "unlock").status == 0
        )
    }

    @Test func aSecretIsAskedForAndNeverShown() throws {
        try installation.makeVault()
        let path = "ok/terminal-\(UUID())"
        let seen = try play(
            [
                ["expect", "Client secret of x: "], ["echo", "false"], ["type", " s3cret typed\n"],
            ],
            "vault", "add", "x", "--token-url", endpoint.url(path), "--client-id", "id",
            "--ca-file",
            endpoint.caFile, "--auth", "client_secret_post")
        #expect(seen.status == 0)
        #expect(!seen.shown.contains("s3cret"))
        #expect(
            seen.shown.contains(
                "bursar: warning: the secret begins or ends with white space, which is part of it\r\n"
            ))
        #expect(try installation.bursar("token", "get", "x").output == "token-1\n")
    }

    @Test func aRemovalAsks() throws {
        try installation.makeVault()
        try installation.add("x", endpoint, "ok")
        let no = try play([["expect", "x"], ["type", "n\n"]], "vault", "remove", "x")
        #expect(no.status != 0)
        #expect(try installation.bursar("vault", "show", "x").status == 0)
        let yes = try play([["expect", "x"], ["type", "y\n"]], "vault", "remove", "x")
        #expect(yes.status == 0)
        #expect(try installation.bursar("vault", "show", "x").status == 66)
    }

    /// At 80 columns no line is longer, whatever the credentials are.
    @Test func aTableFitsTheTerminal() throws {
        try installation.makeVault()
        let long = String(repeating: "long-name-", count: 12)
        for name in ["a", long] {
            let added = try installation.bursar(
                "vault", "add", name, "--token-url", "https://\(long.lowercased())x.example/token",
                "--client-id", "client-" + long, "--expires", "2027-03-31", "--secret-stdin",
                input: "s")
            #expect(added.status == 0, "\(added.error)")
        }
        let seen = try play([], "vault", "list")
        let lines = seen.shown.split(separator: "\r\n")
        #expect(lines.count == 3)
        for line in lines { #expect(line.count <= 80, "\(line)") }
        #expect(lines.first?.hasPrefix("NAME") == true)
    }
}
