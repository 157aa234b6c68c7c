internal import Host

/// The sockets that systemd hands to a system broker.
struct SystemSockets: Sendable, Equatable {
    /// Where callers ask.
    let broker: InheritedSocket
    /// Where units get a token by `LoadCredential=`; nil if there is none.
    let credentials: InheritedSocket?

    /// Takes them over, and checks that nobody but root can have put them where they are.
    ///
    /// - Throws: ``BrokerError/start(_:)``, or `HostError` for what is no such socket or in an unsafe folder.
    static func take(for configuration: Configuration) throws -> SystemSockets {
        let sockets = try assigned(InheritedSocket.takeAll())
        try require(sockets.broker, at: configuration.socketPath)
        if let asked = configuration.credentialsSocketPath {
            guard let credentials = sockets.credentials else {
                throw BrokerError.start(.noSocket)
            }
            try require(credentials, at: asked)
        }
        for socket in [sockets.broker, sockets.credentials].compactMap(\.self) {
            try SocketPlace.requireRoot(folder: SocketPlace.folder(of: socket.path))
        }
        return sockets
    }

    /// Which is which: by name, else by path, else the first is for callers.
    static func assigned(_ sockets: [InheritedSocket]) throws(BrokerError) -> SystemSockets {
        var broker: InheritedSocket?
        var credentials: InheritedSocket?
        for socket in sockets {
            if isForCredentials(socket) {
                if let credentials {
                    throw .start(.twoSockets(credentials.path, socket.path))
                }
                credentials = socket
            } else {
                if let broker { throw .start(.twoSockets(broker.path, socket.path)) }
                broker = socket
            }
        }
        guard let broker else { throw .start(.noSocket) }
        return SystemSockets(broker: broker, credentials: credentials)
    }

    private static func isForCredentials(_ socket: InheritedSocket) -> Bool {
        switch socket.name {
        case "credentials": true
        case "broker": false
        // Without FileDescriptorName= it is the socket unit's name.
        default: socket.path.hasSuffix("/credentials.sock")
        }
    }

    private static func require(
        _ socket: InheritedSocket, at asked: String
    ) throws(BrokerError) {
        guard asked.isEmpty || asked == socket.path else {
            throw .start(.wrongSocket(path: socket.path, asked: asked))
        }
    }
}
