internal import CHost

/// What the operating system refused, or what on it can't be trusted.
public enum HostError: Error, Equatable, Sendable {
    /// A system call refused; `code` is its `errno`, `operation` what was tried ("open", "bind").
    case system(operation: String, path: String?, code: Int32)
    /// Something at the path is not safe to use; nothing of it was read.
    case unsafe(path: String, Reason)
    /// A descriptor that was to be handed over is not open.
    case notOpen(descriptor: Int32)
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
        /// Another process uses it; 0 if it did not say which.
        case taken(pid: Int32)
        /// Another file, or none, is in its place, or somebody else wrote it, while it was open.
        case changed
        /// It is longer than the system allows, in bytes.
        case tooLong(byteCount: Int, limit: Int)
    }
}

extension HostError {
    /// Whether something has the name already (EEXIST).
    public var isTaken: Bool {
        if case .system(_, _, 17) = self { true } else { false }
    }
}

extension HostError {
    /// What happened, without the path.
    public var cause: String {
        switch self {
        case .system(_, _, let code): words(errno: code)
        case .unsafe(_, let reason): "\(reason)"
        case .notOpen, .timedOut: description
        }
    }
}

extension HostError: CustomStringConvertible {
    /// What happened, in one line, without advice.
    public var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "can't \(operation)" + (path.map { " \"\($0)\"" } ?? "") + ": \(words(errno: code))"
        case .unsafe(let path, let reason): "\"\(path)\" is not safe: \(reason)"
        case .notOpen(let descriptor): "descriptor \(descriptor) is not open"
        case .timedOut(let operation): "\(operation): no answer in time"
        }
    }
}

extension HostError.Reason: CustomStringConvertible {
    /// Why, in a few words.
    public var description: String {
        switch self {
        case .foreignOwner(let uid): "it belongs to another user (uid \(uid))"
        case .openMode(let mode): "others can use it (mode 0\(String(mode, radix: 8)))"
        case .symbolicLink: "it is a symbolic link"
        case .not(let kind): "it is no \(kind)"
        case .taken(0): "another process listens there"
        case .taken(let pid): "another process (\(pid)) listens there"
        case .changed: "it was replaced or changed while it was open"
        case .tooLong(let byteCount, let limit):
            "it has \(byteCount) bytes, and the system takes \(limit)"
        }
    }
}

/// The system's words for an errno ([strerror(3)](https://man7.org/linux/man-pages/man3/strerror.3.html)).
func words(errno code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    unsafe buffer.withUnsafeMutableBufferPointer { buffer in
        unsafe chost_error_words(code, buffer.baseAddress, UInt(buffer.count))
    }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self).lowercased()
}
