#if canImport(Glibc)
internal import Glibc
#endif

/// Descriptors 0, 1 and 2.
public enum StandardDescriptors: Sendable {
    /// Fills those that the caller closed, so that no socket or pipe gets their numbers: what is meant for
    /// standard output must not go into one.
    ///
    /// What fills them can be neither read (0) nor written (1, 2), so that their loss is still noticed.
    public static func reserve() {
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY)
        }
    }
}
