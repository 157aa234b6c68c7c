internal import Host
internal import NIOCore
internal import NIOHTTP1
internal import Sodium

/// A whole request of a caller who may make it.
struct Request: Sendable {
    let route: Route
    let query: Query
    let caller: Caller
    let standing: CallerPolicy.Standing
    /// Whether the bare token is wanted instead of the object.
    let wantsPlainText: Bool
    /// Whether nothing that is there may be changed (`If-None-Match: *`).
    let onlyAdds: Bool
    var body = ByteBuffer()
    /// Called when it begins to wait for an authorization server: others may be worked on meanwhile.
    var makesWay: @Sendable () -> Void = {}

    /// Headers that only a browser or a proxy sends.
    private static let foreignHeaders: Set<String> = [
        "origin", "forwarded", "x-forwarded-for", "via",
    ]

    /// Judges a request by its head alone: whether it may be made, and whether it can be.
    ///
    /// - Parameters:
    ///   - head: the request line and the headers.
    ///   - caller: who the kernel says is asking.
    ///   - policy: who may.
    ///   - vaultPath: the vault that this broker serves.
    /// - Throws: ``BrokerError`` with why it is refused.
    init(
        head: HTTPRequestHead, caller: Caller, policy: CallerPolicy, vaultPath: String
    ) throws(BrokerError) {
        var byteCount = head.uri.utf8.count
        for (name, value) in head.headers {
            byteCount += name.utf8.count + value.utf8.count + 4
            let name = name.lowercased()
            if Self.foreignHeaders.contains(name) || name.hasPrefix("sec-fetch-") {
                throw .foreignDoor(header: name)
            }
        }
        standing = policy.standing(of: caller)
        guard standing != .stranger else { throw .denied }
        guard byteCount <= HeadGate.limit else {
            throw .tooLarge(what: "head", limit: HeadGate.limit)
        }
        let target = head.uri.split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = target.first, path.hasPrefix("/") else { throw .notFound }
        route = try Self.route(head.method.rawValue, String(path), standing)
        query = try Query(parsing: target.dropFirst().first ?? "", known: route.parameters)
        self.caller = caller
        wantsPlainText =
            head.headers["Accept"].contains { $0.lowercased().hasPrefix("text/plain") }
        onlyAdds = try Self.onlyAdds(head.headers)
        try Self.requireVault(head.headers, vaultPath, followsLinks: !policy.needsRules)
        try requireBody(head.headers)
    }

    /// Whether the caller may change and see everything but secrets.
    var isAdministrator: Bool { standing == .administrator }

    // Who is no administrator is not told which other paths there are.
    private static func route(
        _ method: String, _ path: String, _ standing: CallerPolicy.Standing
    ) throws(BrokerError) -> Route {
        let route: Route
        do throws(BrokerError) {
            route = try Route(method: method, path: path)
        } catch {
            throw standing == .administrator ? error : .denied
        }
        guard route.isOpen(to: standing) else { throw .denied }
        return route
    }

    private static func onlyAdds(_ headers: HTTPHeaders) throws(BrokerError) -> Bool {
        switch headers["If-None-Match"] {
        case []: false
        case ["*"]: true
        default: throw .badRequest("If-None-Match takes * alone")
        }
    }

    private static func requireVault(
        _ headers: HTTPHeaders, _ served: String, followsLinks: Bool
    ) throws(BrokerError) {
        let values = headers["Bursar-Vault"]
        guard values.count <= 1 else { throw .badRequest("Bursar-Vault comes twice") }
        guard let value = values.first else { return }
        guard let asked = percentDecoded(value[...], plusIsSpace: false) else {
            throw .badRequest("Bursar-Vault is malformed")
        }
        // A machine's broker walks no path that some caller names: it may lead to a server that hangs.
        guard asked == served || followsLinks && PrivateFiles.isSamePlace(asked, served) else {
            throw .anotherVault(asked: asked, served: served)
        }
    }

    private func requireBody(_ headers: HTTPHeaders) throws(BrokerError) {
        let lengths = headers["Content-Length"]
        let isChunked = headers.contains(name: "Transfer-Encoding")
        if isChunked && !lengths.isEmpty {
            throw .badRequest("both Content-Length and Transfer-Encoding are there")
        }
        let declared = lengths.first.flatMap { Int($0) } ?? 0
        guard declared <= route.bodyLimit, route.bodyLimit > 0 || !isChunked else {
            throw .tooLarge(what: "body", limit: route.bodyLimit)
        }
        guard route.takesPassphrase, declared > 0 || isChunked,
            let type = headers.first(name: "Content-Type")?.split(separator: ";").first
        else { return }
        let expected = "application/octet-stream"
        guard type.lowercased() == expected else { throw .wrongContentType(expected: expected) }
    }
}

/// What the broker answers.
struct Answer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String?
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// Whether the connection ends with it.
    var closes = false

    /// An answer whose body is JSON.
    static func json(_ status: HTTPResponseStatus, _ body: [UInt8]) -> Answer {
        Answer(status: status, contentType: "application/json", body: body)
    }
}
