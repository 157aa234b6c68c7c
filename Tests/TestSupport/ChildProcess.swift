public import Foundation
import Synchronization

/// A program that ran to its end.
public struct Finished: Sendable {
    /// Its exit status; the negated signal's number if one ended it.
    public let status: Int32
    /// What it wrote to standard output.
    public let output: String
    /// What it wrote to standard error.
    public let error: String
}

/// Runs programs, with deadlines.
public enum ChildProcess: Sendable {
    /// A program that did not end in time.
    public struct TimedOut: Error {}

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - program: its path.
    ///   - arguments: what it is told.
    ///   - environment: all of its environment.
    ///   - input: its standard input; nil for none.
    ///   - seconds: when it is ended.
    /// - Returns: how it ended, and what it wrote.
    /// - Throws: ``TimedOut``, or what starting it throws.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String],
        input: Data? = nil, seconds: Double = 60
    ) throws -> Finished {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: "/tmp")
        let folder = try TemporaryFolder()
        let outputPath = folder.path + "/out"
        let errorPath = folder.path + "/err"
        let inputPath = folder.path + "/in"
        for path in [outputPath, errorPath] {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        _ = FileManager.default.createFile(
            atPath: inputPath, contents: input ?? Data(), attributes: [.posixPermissions: 0o600])
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        process.standardInput =
            input == nil ? FileHandle.nullDevice : FileHandle(forReadingAtPath: inputPath)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        if ended.wait(timeout: .now() + seconds) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            throw TimedOut()
        }
        let isSignal = process.terminationReason == .uncaughtSignal
        return Finished(
            status: isSignal ? -process.terminationStatus : process.terminationStatus,
            output: String(
                decoding: FileManager.default.contents(atPath: outputPath) ?? Data(),
                as: UTF8.self),
            error: String(
                decoding: FileManager.default.contents(atPath: errorPath) ?? Data(),
                as: UTF8.self))
    }
}

/// A program that goes on while tests run; it prints one line of JSON when it is ready, and ends with the
/// value: its standard input closes, and it gets SIGTERM.
public final class Helper: Sendable {
    private let process: Process
    private let input: Pipe
    private let output: Pipe
    /// The line that it printed.
    public let line: Data
    /// Its process id.
    public var pid: Int32 { process.processIdentifier }

    /// Starts it, and waits for its line.
    ///
    /// - Throws: `CocoaError` if it ends without one.
    public init(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        self.process = process
        self.input = input
        self.output = output
        line = try Self.line(from: output)
    }

    /// Waits for another line.
    ///
    /// - Throws: `CocoaError` if it ends without one.
    public func nextLine() throws -> Data { try Self.line(from: output) }

    // Byte by byte: what follows the line is another one's.
    private static func line(from pipe: Pipe) throws -> Data {
        var line = Data()
        while line.last != 10 {
            guard let byte = try pipe.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
                throw CocoaError(.executableLoad)
            }
            line += byte
        }
        return line
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
    }
}
