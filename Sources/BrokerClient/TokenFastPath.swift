internal import Host

/// `bursar token get` where nothing is unusual: straight from the arguments to the socket and back.
///
/// The arguments' own grammar, with its help and its messages, is in the commands; whatever is not plain
/// here goes there.
public struct TokenFastPath: Sendable {
    /// How the fast path ended.
    public enum Outcome: Sendable {
        /// The token is printed.
        case done
        /// The arguments, or the broker, need the commands.
        case notPlain
        /// The broker answered otherwise; the commands go on from here.
        case answered(BrokerResponse)
        /// The broker did not answer in time.
        case unanswered
    }

    private enum Output { case token, header, json }

    private var choice = BrokerChoice()
    private var name: String?
    private var query: [(name: String, value: String)] = []
    private var scopes: [String] = []
    private var output = Output.token

    /// Gets the token if the arguments are a plain `token get`.
    ///
    /// - Parameter arguments: what follows the program's name.
    /// - Throws: `HostError` if standard output can't be written.
    public static func run(_ arguments: [String]) throws -> Outcome {
        guard arguments.count >= 3, arguments[0] == "token", arguments[1] == "get" else {
            return .notPlain
        }
        var path = TokenFastPath()
        guard path.read(arguments[2...]), let name = path.name else { return .notPlain }
        return try path.ask(name)
    }

    private mutating func read(_ arguments: ArraySlice<String>) -> Bool {
        var rest = arguments
        while let argument = rest.popFirst() {
            guard argument.utf8.first == UInt8(ascii: "-") else {
                guard name == nil, Self.isName(argument) else { return false }
                name = argument
                continue
            }
            switch argument {
            case "--system": choice.isSystem = true
            case "--no-autostart": choice.mayStart = false
            case "--fresh": query.append(("fresh", "1"))
            default:
                guard let value = rest.popFirst(), value.utf8.first != UInt8(ascii: "-"),
                    read(argument, value)
                else { return false }
            }
        }
        return true
    }

    private mutating func read(_ option: String, _ value: String) -> Bool {
        guard !value.isEmpty else { return false }
        switch option {
        case "--socket": choice.socket = value
        case "--vault": choice.vault = value
        case "--passphrase-file", "--passphrase-fd": break
        case "--scope": scopes.append(value)
        case "--resource": query.append(("resource", value))
        case "--audience":
            guard !query.contains(where: { $0.name == "audience" }) else { return false }
            query.append(("audience", value))
        case "--output":
            switch value {
            case "token": output = .token
            case "header": output = .header
            case "json": output = .json
            default: return false
            }
        default: return false
        }
        return true
    }

    private func ask(_ name: String) throws -> Outcome {
        guard let place = try? choice.place(for: .anyBroker) else { return .notPlain }
        var request = BrokerRequest("GET", "/v1/credentials/\(percentEncoded(name))/token")
        request.query = query
        if !scopes.isEmpty { request.query.append(("scope", scopes.joined(separator: " "))) }
        if output != .json { request.headers = [("Accept", "text/plain")] }
        let answer: BrokerResponse
        do throws(ClientError) {
            answer = try BrokerClient(place).send(request, starts: false)
        } catch .noAnswer {
            return .unanswered
        } catch {
            return .notPlain
        }
        guard answer.status == 200 else { return .answered(answer) }
        let start: [UInt8] = output == .header ? Array("Authorization: Bearer ".utf8) : []
        try StandardStream.output.write(start + answer.body + [UInt8(ascii: "\n")])
        return .done
    }

    private static func isName(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "._@-".utf8.contains(byte)
                }
            }
    }
}
