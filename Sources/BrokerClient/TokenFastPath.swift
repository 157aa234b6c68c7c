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
    private var request = BrokerRequest("GET", "")
    private var scopes = ""
    private var hasAudience = false
    private var output = Output.token

    /// Gets the token if the arguments are a plain `token get`.
    ///
    /// - Parameter arguments: what follows the program's name.
    /// - Returns: how far it got.
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
            case "--fresh": request.addParameter("fresh", "1")
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
        case "--scope": scopes += scopes.isEmpty ? value : " " + value
        case "--resource": request.addParameter("resource", value)
        case "--audience":
            guard !hasAudience else { return false }
            hasAudience = true
            request.addParameter("audience", value)
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
        var request = request
        request.path = "/v1/credentials/" + percentEncoded(name) + "/token"
        if !scopes.isEmpty { request.addParameter("scope", scopes) }
        if output != .json { request.addHeader("Accept", "text/plain") }
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
