/// What the operating system refused, or what on it can't be trusted.
public enum HostError: Error, Equatable, Sendable {
    /// A system call refused; `code` is its `errno`, `operation` what was tried ("open", "bind").
    case system(operation: String, path: String?, code: Int32)
    /// Something at the path is not safe to use; nothing of it was read.
    case unsafe(path: String, Reason)
    /// The time for the operation ran out.
    case timedOut(operation: String)

    /// Why a path is not trusted.
    public enum Reason: Equatable, Sendable {
        /// It belongs to the user with this id.
        case foreignOwner(uid: UInt32)
        /// Group or others may do what only the owner should; the mode's lower 12 bits.
        case openMode(UInt16)
        /// It is a symbolic link.
        case symbolicLink
        /// It is of another kind than expected ("regular file", "folder", "socket").
        case not(kind: String)
        /// It is longer than the system allows, in bytes.
        case tooLong(byteCount: Int, limit: Int)
    }
}
