import CSodium

/// libsodium itself: initialised once, before its first use.
public enum Library: Sendable {
    private static let isReady: Bool = sodium_init() >= 0

    /// Initialises libsodium; any thread, any number of times.
    ///
    /// Everything in this module that allocates calls it; a program calls it at its start to fail early.
    ///
    /// - Throws: ``SodiumError/unavailable`` if the system has no usable source of randomness.
    public static func initialize() throws(SodiumError) {
        guard isReady else { throw .unavailable }
    }

    /// Overwrites what a call of libsodium just left below on the stack
    /// ([`sodium_stackzero`](https://doc.libsodium.org/memory_management)).
    ///
    /// `crypto_secretbox_open_easy` of 1.0.18 leaves the first 32 opened bytes there, where no zeroing
    /// `free` reaches them.
    static func wipeStack() {
        sodium_stackzero(4096)
    }

    /// Ends the program where libsodium could not be initialised: nothing here is safe without it.
    static func require() {
        precondition(isReady, "libsodium can't be initialised")
    }
}
