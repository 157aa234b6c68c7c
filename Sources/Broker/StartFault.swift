internal import OAuth

/// Why a system broker does not start.
package enum StartFault: Error, Equatable, Sendable {
    /// systemd handed over no socket for callers.
    case noSocket
    /// The socket that systemd handed over is bound elsewhere than asked for.
    case wrongSocket(path: String, asked: String)
    /// Two sockets, by their paths, are for the same thing.
    case twoSockets(String, String)
    /// This process is in a user namespace: the kernel would give it other user ids than the callers have.
    case mappedUsers
}

extension StartFault: CustomStringConvertible {
    /// What happened, in one line, without advice.
    package var description: String {
        switch self {
        case .noSocket: "no socket was handed over: a system broker's is always made by systemd"
        case .wrongSocket(let path, let asked):
            "the socket that was handed over is \"\(escaped(path, limit: 4096))\", "
                + "not \"\(escaped(asked, limit: 4096))\""
        case .twoSockets(let one, let other):
            "two sockets were handed over for the same purpose: "
                + "\"\(escaped(one, limit: 4096))\" and \"\(escaped(other, limit: 4096))\""
        case .mappedUsers:
            "this process sees other user ids than the machine has, so it can't tell callers apart"
        }
    }
}
