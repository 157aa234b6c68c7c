/// What libsodium can refuse.
public enum SodiumError: Error, Equatable, Sendable {
    /// The library could not be initialised: the system has no source of randomness.
    case unavailable
    /// The box was not made with this key, or was changed since.
    case forged
    /// Padding is missing or malformed.
    case badPadding
    /// The key derivation got no memory: `memlimit` bytes were not to be had.
    case outOfMemory(memlimit: Int)
    /// Parameters outside what libsodium, or this program, accepts.
    case parametersOutOfBounds
}
