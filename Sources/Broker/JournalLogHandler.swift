package import Logging

/// Writes log messages as lines that the journal reads: the priority first
/// ([sd-daemon(3)](https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html)), no time.
package struct JournalLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.info
    private let write: @Sendable (String) -> Void

    package init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let words = event.words(with: metadata).split(whereSeparator: \.isNewline)
            .joined(separator: " ")
        write("<\(Self.priority(event.level))>\(words)")
    }

    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
