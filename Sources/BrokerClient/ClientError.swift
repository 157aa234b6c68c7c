public import Host

/// Why a request did not get as far as an answer.
///
/// Each case says which exit code it is for a person.
public enum ClientError: Error, Equatable, Sendable {
    /// The command line is wrong: what is, in words (64).
    case usage(String)
    /// Neither a vault of the user's own nor a system broker is there (66).
    case noVault(String)
    /// No broker listens, and none is to be started now; whether one could be (69).
    case noBroker(socket: String, canStart: Bool)
    /// There is no system broker (69).
    case noSystemBroker(socket: String)
    /// `--vault` alone does not say which broker (78).
    case vaultWithoutSocket
    /// The broker belongs to somebody else (77).
    case foreignBroker(socket: String, uid: UInt32)
    /// The socket's place, or a file, can't be trusted (78), or the system refuses (74).
    case host(HostError)
    /// The broker's program is not to be found (69).
    case noProgram
    /// The broker did not start; its problem object, or nothing (its own exit code, or 70).
    case startFailed([UInt8])
    /// The broker did not answer in time (75).
    case noAnswer
    /// The broker ended the connection without a word (75).
    case brokerGone
    /// What came back is no answer of a broker (70).
    case badAnswer
}

extension ClientError: CustomStringConvertible {
    /// What happened, in one line, without advice.
    public var description: String {
        switch self {
        case .usage(let words): words
        case .noVault(let path): "there is no vault at \"\(path)\""
        case .noBroker(let socket, _): "no broker listens at \"\(socket)\""
        case .noSystemBroker(let socket): "there is no system broker at \"\(socket)\""
        case .vaultWithoutSocket: "--vault needs the socket of its broker"
        case .foreignBroker(let socket, let uid):
            "won't talk to the broker at \"\(socket)\": it belongs to another user (uid \(uid))"
        case .host(let error): error.description
        case .noProgram: "bursard is neither beside bursar nor on the PATH"
        case .startFailed: "the broker did not start"
        case .noAnswer: "the broker did not answer in time"
        case .brokerGone: "the broker ended before it answered"
        case .badAnswer: "the broker's answer is no HTTP"
        }
    }
}
