import Foundation
import TestSupport
import Testing

/// What a person types and sees, word for word: `Transcripts/CASE.txt`.
///
/// A line `$ COMMAND` is run by bash; `> ` and `! ` are what it writes to standard output and standard
/// error, `= N` is its exit status if that is not 0, `#` is a comment. What differs from run to run stands
/// in braces. `BURSAR_RECORD=FOLDER` writes the transcripts as they are now there, for a person to read.
struct TranscriptTests {
    static let endpoint = Result { try ScriptedEndpoint() }

    static var cases: [Transcript] {
        get throws {
            let folder = try #require(
                Bundle.module.url(forResource: "Transcripts", withExtension: nil))
            return try FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil
            ).filter { $0.pathExtension == "txt" }.map(Transcript.init)
                .sorted { $0.name < $1.name }
        }
    }

    @Test(arguments: try cases)
    func isAsWritten(transcript: Transcript) throws {
        if transcript.needsRoot && getuid() != 0 { return }
        let installation = try Installation()
        let endpoint = try Self.endpoint.get()
        var lines: [String] = []
        for step in transcript.steps {
            lines += step.before
            guard let command = step.command else { continue }
            let ended = try installation.shell(command, endpoint)
            let got =
                Transcript.lines(ended.output, mark: ">", installation)
                + Transcript.lines(ended.error, mark: "!", installation)
                + (ended.status == 0 ? [] : ["= \(ended.status)"])
            lines += ["$ \(command)"] + got
            #expect(got == step.expected, "\(transcript.name): \(command)")
        }
        if let folder = ProcessInfo.processInfo.environment["BURSAR_RECORD"] {
            let text = lines.joined(separator: "\n") + "\n"
            try text.write(
                toFile: folder + "/\(transcript.name).txt", atomically: true, encoding: .utf8)
        }
    }
}

/// One file of steps.
struct Transcript: Sendable, CustomTestStringConvertible {
    struct Step: Sendable {
        /// Comments and empty lines.
        var before: [String] = []
        /// nil for what follows the last command.
        var command: String?
        var expected: [String] = []
    }

    let name: String
    let steps: [Step]
    let needsRoot: Bool

    var testDescription: String { name }

    init(_ file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        var text = try String(contentsOf: file, encoding: .utf8)
        if text.hasSuffix("\n") { text.removeLast() }
        var steps: [Step] = []
        var comments: [String] = []
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("$ ") {
                steps.append(Step(before: comments, command: String(line.dropFirst(2))))
                comments = []
            } else if line.isEmpty || line.hasPrefix("#") {
                comments.append(line)
            } else {
                guard !steps.isEmpty, comments.isEmpty else {
                    throw CocoaError(.fileReadCorruptFile)
                }
                steps[steps.count - 1].expected.append(line)
            }
        }
        steps.append(Step(before: comments))
        self.steps = steps
        needsRoot = text.contains("# needs root")
    }

    static func lines(_ text: String, mark: String, _ installation: Installation) -> [String] {
        guard !text.isEmpty else { return [] }
        var text = text.replacingOccurrences(of: installation.folder.path, with: "{folder}")
            .replacingOccurrences(of: ProcessInfo.processInfo.hostName, with: "{host}")
        for (pattern, name) in [
            (#"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"#, "{time}"), (#"pid \d+"#, "pid {pid}"),
            (#""pid":\d+"#, #""pid":{pid}"#), (#"localhost:\d+"#, "localhost:{port}"),
            (#"127\.0\.0\.1:\d+"#, "127.0.0.1:{port}"), (#"[0-9a-f]{32}"#, "{id}"),
        ] {
            text = text.replacingOccurrences(of: pattern, with: name, options: .regularExpression)
        }
        let endsLine = text.hasSuffix("\n")
        if endsLine { text.removeLast() }
        var lines = text.components(separatedBy: "\n").map { $0.isEmpty ? mark : "\(mark) \($0)" }
        if !endsLine { lines.append("\(mark)\\ no newline at the end") }
        return lines
    }
}

extension Installation {
    /// Runs a line of bash, with the programs on the `PATH` and the scripted endpoint in variables.
    func shell(
        _ command: String, _ endpoint: ScriptedEndpoint, seconds: Double = 60
    ) throws -> Finished {
        var environment = environment
        environment["PATH"] = Installation.programs + ":/usr/bin:/bin:/usr/sbin:/sbin"
        environment["F"] = folder.path
        environment["VAULT"] = vault
        environment["SOCKET"] = socket
        environment["ENDPOINT"] = String(endpoint.url("").dropLast())
        environment["PLAIN"] = String(endpoint.plainURL("").dropLast())
        environment["EXPIRED"] = endpoint.expiredURL
        environment["ELSEWHERE"] = endpoint.wrongNameURL
        environment["CA"] = endpoint.caFile
        environment["OTHER_CA"] = endpoint.wrongCAFile
        environment["PROXY"] = endpoint.proxyURL
        environment["TO"] = "--client-id id --auth client_secret_post --ca-file \(endpoint.caFile)"
        return try ChildProcess.run(
            "/bin/bash", ["-c", command], environment: environment, seconds: seconds)
    }
}
