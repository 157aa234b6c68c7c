internal import ArgumentParser
internal import BrokerClient
internal import Host
internal import Sodium

/// The command `bursar audit`.
struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Shows the audit trail: who got a token, who was refused, what was changed.",
        discussion: """
            Where did a token go that was found somewhere?
              bursar audit --token-stdin < found-token
            Was the trail changed, or cut?
              bursar audit --verify

            --verify prints a line for each thing that is wrong, and ends with 65 if there is one.
            --follow begins with the last ten lines, and ends with the broker, which it keeps from
            ending for want of requests.
            """)

    @Flag(help: "Go on with new lines as they are written.")
    var follow = false
    @Flag(help: "Recompute the chain, and say what is wrong with it.")
    var verify = false
    @Flag(help: "Show where the token on standard input was paid out.")
    var tokenStdin = false
    @Option(help: "table or json (one object a line).")
    var output = OutputFormat.table
    @OptionGroup var options: GlobalOptions

    /// The most bytes of a token, as in Protocol.md.
    private static let tokenLimit = 256 * 1024

    func validate() throws {
        if [follow, verify, tokenStdin].count(where: { $0 }) > 1 {
            throw ValidationError("--follow, --verify and --token-stdin exclude each other")
        }
    }

    func run() throws {
        let session = try Session(options, for: .ownBroker)
        if verify { return try verify(session) }
        if tokenStdin { return try search(session) }
        var printer = AuditPrinter(output)
        if follow { return try follow(session, &printer) }
        var after: UInt64 = 0
        while true {
            let page = try session.send(Self.page(after: after))
            let lines = try printer.print(page)
            if after == 0, let first = lines.first, first > 1 {
                warn("\(Self.dropped(before: first)); what administrators did is carried over")
            }
            after = lines.max() ?? after
            if lines.count < Self.pageCount && page.count < Self.pageByteCount { return }
        }
    }

    // A page that is full, or nearly: another one may follow.
    private static let pageCount = 1000
    private static let pageByteCount = 1 << 20

    private static func page(after number: UInt64) -> BrokerRequest {
        var request = BrokerRequest("GET", "/v1/audit")
        request.addParameter("after", String(number))
        return request
    }

    /// Shows the last lines, then each that comes, until the broker ends.
    private func follow(_ session: Session, _ printer: inout AuditPrinter) throws(Failure) {
        var first = BrokerRequest("GET", "/v1/audit")
        first.addParameter("last", "10")
        var after = try printer.print(try session.send(first)).max() ?? 0
        while true {
            var request = Self.page(after: after)
            request.addParameter("wait", "30s")
            let answer: BrokerResponse
            do throws(ClientError) {
                answer = try session.client.send(request, starts: false)
            } catch .noBroker {
                return
            } catch .brokerGone {
                return
            } catch {
                throw Failure(error)
            }
            guard answer.isSuccess else { throw Session.failure(answer) }
            after = try printer.print(answer.body).max() ?? after
        }
    }

    private func search(_ session: Session) throws {
        let token = try SecretInput.read("token", limit: Self.tokenLimit) {
            () throws(HostError) in try InputDescriptor(inherited: 0)
        }
        guard token.byteCount > 0 else { throw Failure.usage("the token is empty") }
        var request = BrokerRequest("POST", "/v1/audit/search")
        request.body = [.secret(token)]
        request.timeout = Self.wholeTrail
        var printer = AuditPrinter(output)
        var after: UInt64 = 0
        while true {
            var next = request
            next.addParameter("after", String(after))
            let page = try session.send(next)
            let lines = try printer.print(page)
            if after == 0, lines.isEmpty {
                throw Failure(66, "the audit trail has no payout of this token")
            }
            after = lines.max() ?? after
            if lines.count < Self.pageCount && page.count < Self.pageByteCount { return }
        }
    }

    /// How long the broker may take to read all of the trail.
    private static let wholeTrail = Duration.seconds(600)

    private func verify(_ session: Session) throws {
        var request = BrokerRequest("GET", "/v1/audit")
        request.addParameter("verify", "1")
        request.timeout = Self.wholeTrail
        let body = try session.send(request)
        let report = try decoded(AuditReport.self, body)
        switch output {
        case .json: try printLine(String(decoding: body, as: UTF8.self))
        case .table:
            for finding in report.findings { try printLine(printable(finding.detail)) }
            try printLine(Self.summary(report))
        }
        let count = report.findings.count
        guard count > 0 else { return }
        throw Failure(
            65,
            count == 1
                ? "the audit trail is not as it was written: 1 finding"
                : "the audit trail is not as it was written: \(count) findings",
            hints: ["compare it with a backup, or with the journal: journalctl -u bursard"])
    }

    /// Says that there were lines that are no longer kept.
    private static func dropped(before first: UInt64) -> String {
        first == 2
            ? "line 1 is older than what is kept"
            : "lines 1 to \(first - 1) are older than what is kept"
    }

    static func summary(_ report: AuditReport) -> String {
        guard report.last > 0 else { return "the audit trail is empty" }
        var text = "lines \(report.first) to \(report.last): "
        text += report.findings.isEmpty ? "the chain is whole" : "see above"
        if report.first > 1 { text += "; \(dropped(before: report.first))" }
        if report.after_checkpoint > 0 {
            text +=
                "; after line \(report.last - report.after_checkpoint), the last checkpoint, "
                + "it can't be proved that none is missing at the end"
        }
        return text
    }
}

/// Prints lines of the trail as they come.
struct AuditPrinter {
    private let format: OutputFormat
    private var hasTitles = false

    init(_ format: OutputFormat) {
        self.format = format
    }

    /// The number that a line begins with, as each that the broker sends.
    private static func number(of line: ArraySlice<UInt8>) -> UInt64 {
        let digits = line.drop { !(0x30...0x39).contains($0) }
            .prefix { (0x30...0x39).contains($0) }
        return UInt64(String(decoding: digits, as: UTF8.self)) ?? 0
    }

    /// Prints an answer of the broker.
    ///
    /// - Returns: the numbers of its lines.
    mutating func print(_ body: [UInt8]) throws(Failure) -> [UInt64] {
        var numbers: [UInt64] = []
        var text = ""
        for bytes in body.split(separator: UInt8(ascii: "\n")) {
            numbers.append(Self.number(of: bytes))
            // One that is not as the broker writes them must not hide those after it.
            let line = try? decoded(AuditLine.self, Array(bytes))
            if format == .json || line == nil {
                let raw = String(decoding: bytes, as: UTF8.self)
                text += (format == .json ? raw : printable(raw)) + "\n"
            } else if let line {
                if !hasTitles { text += AuditLine.titles + "\n" }
                hasTitles = true
                text += printable(line.row) + "\n"
            }
        }
        guard !text.isEmpty else { return numbers }
        do {
            try StandardStream.output.write(text)
        } catch {
            throw Failure(error)
        }
        return numbers
    }
}

/// One line of the trail.
struct AuditLine: Decodable {
    var seq: UInt64
    var time: String
    var event: String
    var while_locked: Bool?
    var uid: UInt32?
    var unit: String?
    var container: Bool?
    var claimed_command: String?
    var record: String?
    var name: String?
    var scopes: [String]?
    var audience: String?
    var resources: [String]?
    var rule: String?
    var reason: String?
    var count: UInt64?
    var carried_from: UInt64?

    static let titles = columns(["TIME", "EVENT", "CALLER", "CREDENTIAL", "WHAT"])

    /// Columns of fixed width: lines come one by one.
    private static func columns(_ cells: [String]) -> String {
        let widths = [24, 16, 24, 20]
        var text = ""
        for (cell, width) in zip(cells, widths) {
            let shown = cell.isEmpty ? "-" : cell
            text += shown + String(repeating: " ", count: max(0, width - shown.count)) + "  "
        }
        text += cells.last ?? ""
        while text.last == " " { text.removeLast() }
        return text
    }

    var row: String {
        var caller = uid.map { "uid \($0)" } ?? ""
        if let unit {
            caller += " \(unit)"
        } else if let claimed_command {
            caller += " (\(claimed_command))"
        }
        if container == true { caller += caller.isEmpty ? "contained" : " contained" }
        var what: [String] = []
        if let reason, reason != event { what.append(reason) }
        if let count { what.append(event == "torn" ? "\(count) bytes" : "\(count) times") }
        if let scopes { what.append("scope " + scopes.joined(separator: " ")) }
        if let audience { what.append("audience " + audience) }
        if let resources { what.append("resource " + resources.joined(separator: " ")) }
        if let rule { what.append("by " + rule) }
        if while_locked == true { what.append("while locked") }
        if let carried_from { what.append("line \(carried_from), carried over") }
        return Self.columns([
            time, event, caller, name ?? record ?? "", what.joined(separator: ", "),
        ])
    }
}

/// What a check of the trail answers.
struct AuditReport: Decodable {
    struct Finding: Decodable {
        var kind: String
        var line: UInt64
        var detail: String
    }
    var lines: UInt64
    var first: UInt64
    var last: UInt64
    var checkpoint: UInt64
    var after_checkpoint: UInt64
    var findings: [Finding]
}
