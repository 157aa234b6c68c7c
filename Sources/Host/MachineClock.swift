internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// The machine's wall clock.
public enum MachineClock: Sendable {
    /// Whether something keeps it right
    /// ([adjtimex(2), STA_UNSYNC](https://man7.org/linux/man-pages/man2/adjtimex.2.html)); nil if the kernel
    /// does not say.
    ///
    /// A sandbox may end a process that asks; the broker does not.
    public static var isSynchronised: Bool? {
        let answer = chost_clock_is_synchronised()
        return answer < 0 ? nil : answer == 1
    }

    /// Seconds since 1970 (UTC).
    public static var seconds: Int { time(nil) }
}
