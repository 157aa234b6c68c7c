package import Logging

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Writes log messages as lines to a closure: time, level, message, metadata.
package struct LineLogHandler: LogHandler {
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
        let time = rfc3339(Date().timeIntervalSince1970)
        write("\(time) \(event.level) \(event.words(with: metadata))")
    }
}

extension LogEvent {
    /// The message, and all metadata sorted by name.
    func words(with metadata: Logger.Metadata) -> String {
        let all = metadata.merging(self.metadata ?? [:]) { _, new in new }
        return "\(message)"
            + all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    }
}
