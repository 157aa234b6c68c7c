internal import BrokerClient
internal import Host
internal import Sodium

/// One command's talk with its broker; unlocks the user's own where that is needed and can be done.
struct Session {
    let options: GlobalOptions
    let client: BrokerClient

    init(_ options: GlobalOptions, for purpose: BrokerChoice.Purpose) throws(Failure) {
        self.options = options
        do {
            client = BrokerClient(try options.choice.place(for: purpose))
        } catch {
            throw Failure(error)
        }
    }

    private init(_ options: GlobalOptions, _ client: BrokerClient) {
        self.options = options
        self.client = client
    }

    /// The same, whatever the environment says about starting brokers.
    func starting() -> Session {
        Session(options, BrokerClient(client.place.starting()))
    }

    /// Sends a request, and unlocks first if the broker says that it is locked.
    ///
    /// - Returns: the body of the answer.
    func send(_ request: BrokerRequest) throws(Failure) -> [UInt8] {
        let answer = try exchange(request)
        return try finish(answer, of: request)
    }

    /// Goes on from an answer that is there already.
    func finish(_ answer: BrokerResponse, of request: BrokerRequest) throws(Failure) -> [UInt8] {
        if answer.isSuccess { return answer.body }
        let failure = Self.failure(answer)
        guard failure.type == "locked", !client.place.isSystem else { throw failure }
        guard let source = PassphraseSource.first(options) else { throw PassphraseSource.missing }
        try unlock(try source.read())
        let second = try exchange(request)
        guard second.isSuccess else { throw Self.failure(second) }
        return second.body
    }

    /// Unlocks the vault; what the broker wants a person to know is said.
    func unlock(
        _ passphrase: SharedSecret, for duration: String? = nil, acceptsOlder: Bool = false
    ) throws(Failure) {
        var request = BrokerRequest("POST", "/v1/unlock")
        if let duration { request.addParameter("for", duration) }
        if acceptsOlder { request.addParameter("accept_older", "1") }
        request.body = [.secret(passphrase)]
        let answer = try exchange(request)
        guard answer.isSuccess else { throw Self.failure(answer) }
        for warning in try decoded(UnlockDocument.self, answer.body).warnings ?? [] {
            warn(warning)
        }
    }

    /// Sends a request as it is; nil if no broker runs and none is to be started.
    func sendWithoutStart(_ request: BrokerRequest) throws(Failure) -> [UInt8]? {
        try Self.answer(to: request, of: client)
    }

    /// What a broker that runs answers; nil if none does, and none is started.
    static func answer(
        to request: BrokerRequest, of client: BrokerClient
    ) throws(Failure) -> [UInt8]? {
        let answer: BrokerResponse
        do throws(ClientError) {
            answer = try client.send(request, starts: false)
        } catch .noBroker {
            return nil
        } catch {
            throw Failure(error)
        }
        guard answer.isSuccess else { throw failure(answer) }
        return answer.body
    }

    func exchange(_ request: BrokerRequest) throws(Failure) -> BrokerResponse {
        do {
            return try client.send(request)
        } catch {
            throw Failure(error)
        }
    }

    static func failure(_ answer: BrokerResponse) -> Failure {
        guard let problem = ProblemDocument(parsing: answer.body) else {
            return Failure(ClientError.badAnswer)
        }
        return Failure(problem)
    }
}

/// The path of one credential.
///
/// - Throws: usage, for a name that is none.
func credentialPath(_ name: String) throws(Failure) -> String {
    let bytes = name.utf8
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
    guard (1...128).contains(bytes.count), let first = bytes.first, isAlphanumeric(first),
        bytes.allSatisfy({ isAlphanumeric($0) || "._@-".utf8.contains($0) })
    else {
        throw .usage(
            "\"\(name.prefix(64))\" is no name: 1 to 128 of A-Z a-z 0-9 . _ @ -, "
                + "a letter or digit first")
    }
    return "/v1/credentials/\(percentEncoded(name))"
}

extension Session {
    /// Whether there is anything where the vault is to be.
    func hasVault(_ path: String) -> Bool { PrivateFiles.exists(path) }
}
