internal import Synchronization

/// Carries one noncopyable value from a thread that made it to the task that waits for it.
final class Handover<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming Value) {
        self.value = Mutex(value)
    }

    /// The value, once.
    func take() -> Value? {
        value.withLock { value in
            let taken = value.take()
            return taken
        }
    }
}
