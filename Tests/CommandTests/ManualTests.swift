import Foundation
import TestSupport
import Testing

/// Whether the manual pages have all that `--help` has.
struct ManualTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("packaging/man")

    private static func page(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    /// What the argument parser knows of its commands.
    private struct Help: Decodable {
        struct Command: Decodable {
            struct Argument: Decodable {
                struct Name: Decodable {
                    let kind: String
                    let name: String
                }
                let names: [Name]?
            }
            let commandName: String
            let subcommands: [Command]?
            let arguments: [Argument]?

            /// The command lines of all commands below it that are no groups, with their options.
            func lines(after words: String = "") -> [(words: String, options: [String])] {
                let own = words.isEmpty ? commandName : "\(words) \(commandName)"
                let below = (subcommands ?? []).filter { $0.commandName != "help" }
                if !below.isEmpty { return below.flatMap { $0.lines(after: own) } }
                let names = (arguments ?? []).flatMap { $0.names ?? [] }
                return [(own, names.filter { $0.kind == "long" }.map(\.name))]
            }
        }
        let command: Command
    }

    /// The text under each heading of a kind; headings that follow each other share it.
    private static func sections(_ page: String, _ macro: String) -> [String: String] {
        var sections: [String: String] = [:]
        var open: [String] = []
        var isFilled = true
        for line in page.split(separator: "\n").map(String.init) {
            if line.hasPrefix(".Ss ") || line.hasPrefix(".Sh ") {
                if isFilled { open = [] }
                isFilled = false
                if line.hasPrefix(macro) { open.append(String(line.dropFirst(4))) }
            } else {
                isFilled = true
                for heading in open { sections[heading, default: ""] += line + "\n" }
            }
        }
        return sections
    }

    private static func has(_ option: String, in text: String?) -> Bool {
        let words = text?.split(whereSeparator: \.isWhitespace) ?? []
        return words.contains { $0 == "-\(option)" }
    }

    @Test func everyCommandAndOptionIsInTheManual() throws {
        let installation = try Installation()
        let dumped = try installation.bursar("--experimental-dump-help")
        let help = try JSONDecoder().decode(Help.self, from: Data(dumped.output.utf8))
        let page = try Self.page("bursar.1")
        let commands = Self.sections(page, ".Ss ")
        let forAll = Self.sections(page, ".Sh ")["OPTIONS"]
        let lines = help.command.lines()
        #expect(lines.count > 15)
        for (words, options) in lines {
            let heading = commands.keys.first {
                $0 == words || $0.hasPrefix(words + " name") || $0.hasPrefix(words + " [")
                    || $0.hasPrefix(words + " bash")
            }
            let text = heading.flatMap { commands[$0] }
            #expect(text != nil, "\(words) is not in the manual")
            // It refers to the other one.
            let more = words == "bursar vault set" ? commands["bursar vault add name"] : nil
            for option in options {
                #expect(
                    [text, forAll, more].contains { Self.has(option, in: $0) },
                    "\(words) --\(option) is not in the manual")
            }
        }
        let known = Set(lines.map(\.words))
        for heading in commands.keys where heading.hasPrefix("bursar ") {
            #expect(
                known.contains { heading.hasPrefix($0) }, "\(heading) is no command: it has gone")
        }
    }

    @Test func everyOptionOfTheBrokerIsInItsManual() throws {
        let page = try Self.page("bursard.8")
        let help = try ChildProcess.run(
            Installation.programs + "/bursard", ["--help"], environment: [:])
        let options = help.output.split { !($0.isLetter || $0 == "-") }
            .filter { $0.hasPrefix("--") && $0.count > 2 }.map { String($0.dropFirst(2)) }
        #expect(options.count > 5)
        for option in Set(options) { #expect(Self.has(option, in: page), "--\(option)") }
    }
}
