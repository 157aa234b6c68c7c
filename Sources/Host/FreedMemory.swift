internal import CHost

/// Memory that this process has from the system, and does not use.
public enum FreedMemory: Sendable {
    /// Gives it back ([malloc_trim(3)](https://man7.org/linux/man-pages/man3/malloc_trim.3.html)).
    ///
    /// The allocator by itself does that at the end of its memory alone. Takes milliseconds.
    public static func giveBack() {
        chost_trim_memory()
    }
}
