internal import Host
internal import Logging
internal import ServiceLifecycle
internal import Sodium
internal import UnixSignals

/// What `bursard` does: reads its arguments, hardens itself, runs a broker.
public enum Daemon: Sendable {
    /// Runs to the end.
    ///
    /// - Parameter arguments: what follows the program's name.
    /// - Returns: the exit code.
    public static func run(_ arguments: [String]) async -> Int32 {
        let configuration: Configuration
        do {
            switch try Configuration.parse(arguments) {
            case .version: return say("bursard \(Version.current)\n")
            case .help: return say(Configuration.help)
            case .run(let parsed): configuration = parsed
            }
        } catch {
            complain(error.description, ["see: bursard --help"])
            return error.exitCode
        }
        let report = configuration.reportDescriptor.map { Handover(ReportDescriptor(number: $0)) }
        do {
            try Hardening.forbidDumps()
            try? Hardening.raiseLockedMemoryLimit()
            try? DescriptorLimit.raise()
            try Library.initialize()
            try await serve(configuration, report)
            return 0
        } catch {
            let problem = Problem(any: error)
            if let report = report?.take() { report.report(problem.line) }
            complain(problem.detail, problem.hints)
            return Int32(problem.exitCode)
        }
    }

    private static func serve(
        _ configuration: Configuration, _ report: Handover<ReportDescriptor>?
    ) async throws {
        var configuration = configuration
        let sockets = try systemSockets(&configuration)
        let journal =
            ServiceManager.readsStandardError && configuration.reportDescriptor == nil
            ? JournalQueue { _ = try? StandardStream.error.write($0) } : nil
        let logger = try logger(configuration, journal)
        let broker = BrokerService(
            configuration: configuration, sockets: sockets, manager: ServiceManager(),
            logger: logger
        ) {
            if let report = report?.take() { report.report(Array("ready".utf8)) }
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: broker, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        let result: Result<Void, any Error>
        do {
            result = .success(try await group.run())
        } catch {
            result = .failure(error)
        }
        await journal?.finish(within: .seconds(1))
        try result.get()
    }

    private static func systemSockets(
        _ configuration: inout Configuration
    ) throws -> SystemSockets? {
        guard configuration.isSystem else { return nil }
        guard ProcessDescription.seesAllUsers else { throw BrokerError.start(.mappedUsers) }
        let sockets = try SystemSockets.take(for: configuration)
        configuration.socketPath = sockets.broker.path
        configuration.credentialsSocketPath = sockets.credentials?.path
        return sockets
    }

    // Without the client that started it there is somebody at the terminal.
    private static func logger(
        _ configuration: Configuration, _ journal: JournalQueue?
    ) throws(HostError) -> Logger {
        if let journal {
            return Logger(label: "bursard") { _ in JournalLogHandler { journal.append($0) } }
        }
        guard configuration.reportDescriptor != nil else {
            return Logger(label: "bursard") { _ in
                LineLogHandler { line in _ = try? StandardStream.error.write(line + "\n") }
            }
        }
        let file = try LogFile(configuration.stateFolder + "/bursard.log")
        return Logger(label: "bursard") { _ in LineLogHandler { file.append($0) } }
    }

    private static func say(_ text: String) -> Int32 {
        do {
            try StandardStream.output.write(text)
            return 0
        } catch {
            return 74
        }
    }

    private static func complain(_ words: String, _ hints: [String]) {
        let lines = ["bursard: error: \(words)"] + hints.map { "bursard: hint: \($0)" }
        try? StandardStream.error.write(lines.joined(separator: "\n") + "\n")
    }
}
