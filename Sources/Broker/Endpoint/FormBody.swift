internal import NIOCore
internal import Synchronization

/// A form as the HTTP client sends it, which notes that there was a connection to send it on.
struct FormBody: AsyncSequence, Sendable {
    let buffer: ByteBuffer
    let progress: Progress

    /// Whether the form was asked for, that is, whether the connection stood.
    final class Progress: Sendable {
        private let flag = Atomic(false)

        var isSent: Bool { flag.load(ordering: .acquiring) }

        func noteSent() {
            flag.store(true, ordering: .releasing)
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var buffer: ByteBuffer?
        let progress: Progress

        mutating func next() async -> ByteBuffer? {
            progress.noteSent()
            defer { buffer = nil }
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(buffer: buffer, progress: progress)
    }
}
