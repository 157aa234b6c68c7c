internal import NIOPosix
internal import Synchronization

/// Lines on their way to a reader that may be slow, or hang: whoever logs does not wait for it.
///
/// What is beyond its bound is dropped, and counted in a line of its own.
package final class JournalQueue: Sendable {
    private struct State {
        var lines: [String] = []
        var droppedCount = 0
        var isWriting = false
    }

    private let state = Mutex(State())
    private let threads = NIOThreadPool(numberOfThreads: 1)
    private let write: @Sendable (String) -> Void

    /// The most lines that wait.
    package static let mostLines = 4096

    /// Begins empty.
    ///
    /// - Parameter write: writes some lines, each with its end; may block. ``finish(within:)`` has to be called.
    package init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
        threads.start()
    }

    /// Adds a line, without its end.
    package func append(_ line: String) {
        let begins = state.withLock { state in
            guard state.lines.count < Self.mostLines else {
                state.droppedCount += 1
                return false
            }
            state.lines.append(line)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        guard begins else { return }
        threads.submit { _ in self.writeAll() }
    }

    private func writeAll() {
        while let text = take() { write(text) }
    }

    private func take() -> String? {
        state.withLock { state in
            guard !state.lines.isEmpty else {
                state.isWriting = false
                return nil
            }
            var text = state.lines.joined(separator: "\n") + "\n"
            if state.droppedCount > 0 { text += "<4>\(state.droppedCount) lines were dropped\n" }
            state.lines = []
            state.droppedCount = 0
            return text
        }
    }

    /// Waits until all is written, but not for ever, and ends.
    package func finish(within time: Duration) async {
        let end = ContinuousClock.now + time
        while state.withLock(\.isWriting), ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(2))
        }
        threads.shutdownGracefully { _ in }
    }
}
