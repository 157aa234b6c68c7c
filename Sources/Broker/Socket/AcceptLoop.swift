internal import Host
internal import NIOCore
internal import Synchronization

/// Accepts the connections of a socket that systemd made, on a thread of its own, and has them set up in
/// turns: a uid that connects and connects waits for itself.
///
/// The kernel's queue is one line for all, so it is emptied before anything costly is done. Few connections
/// are set up at once, so that the event loop stays free for those that are there.
final class AcceptLoop: Sendable {
    /// Makes a channel of a connection, or closes it if there is no room.
    typealias SetUp = @Sendable (AcceptedConnection, Caller) -> EventLoopFuture<Void>

    private static let setUpsAtOnce = 16
    // How many are accepted between two that are set up.
    private static let batch = 64
    // From so many waiting on it is asked who is in a container, which takes longer.
    private static let crowd = 16

    private let socket: InheritedSocket
    private let wakeup: Wakeup
    private let limits: ConnectionLimits
    private let readsProcess: Bool
    private let setUp: SetUp
    private let state = Mutex(State())

    private struct State {
        var free = AcceptLoop.setUpsAtOnce
        var isStopping = false
        /// Whether the thread waits for one that is free.
        var isWanted = false
        /// Those that the thread will be told of.
        var returned = 0
    }

    /// - Parameters:
    ///   - socket: what systemd handed over.
    ///   - limits: how many may be accepted and not set up yet: beyond it the uid's own oldest one is closed,
    ///     or the oldest of the uid that has most.
    ///   - readsProcess: whether a caller's unit and container matter.
    ///   - setUp: takes over a connection.
    /// - Throws: `HostError` if the system has no more descriptors.
    init(
        _ socket: InheritedSocket, limits: ConnectionLimits, readsProcess: Bool,
        setUp: @escaping SetUp
    ) throws(HostError) {
        self.socket = socket
        self.limits = limits
        self.readsProcess = readsProcess
        self.setUp = setUp
        wakeup = try Wakeup()
    }

    /// Runs until it is told to stop, and all that was accepted is set up; blocks the thread for as long.
    func run() {
        var line = FairQueue<ConnectionRegistry.Owner, AcceptedConnection>()
        while !state.withLock(\.isStopping) {
            let hasPlace = line.count > 0 && takePlace()
            gather(into: &line, waits: !hasPlace)
            if hasPlace { setUpNext(of: &line) }
        }
        while line.count > 0 {
            while !takePlace() { wakeup.wait() }
            setUpNext(of: &line)
        }
        while !areAllSetUp { wakeup.wait() }
    }

    /// Ends it soon; may be called on any thread.
    func stop() {
        state.withLock { $0.isStopping = true }
        wakeup.wake()
    }

    private func gather(
        into line: inout FairQueue<ConnectionRegistry.Owner, AcceptedConnection>, waits: Bool
    ) {
        for number in 0..<Self.batch {
            let mayWait = waits && number == 0
            switch socket.accept(or: wakeup, waits: mayWait) {
            case .connection(let connection):
                let owner = owner(of: connection, isCrowded: line.count >= Self.crowd)
                line.append(
                    connection, of: owner, isUrgent: connection.uid == 0 && !owner.isContained)
                shorten(&line, for: owner)
            case .woken: return wakeup.wait()
            case .none: return
            case .exhausted:
                if mayWait { ThreadPause.sleep(milliseconds: 50) }
                return
            }
        }
    }

    private func owner(
        of connection: AcceptedConnection, isCrowded: Bool
    ) -> ConnectionRegistry.Owner {
        let isAsked = readsProcess && (isCrowded || connection.uid == 0)
        return ConnectionRegistry.Owner(
            uid: connection.uid, isContained: isAsked && connection.seemsContained
        ).inLine
    }

    private func shorten(
        _ line: inout FairQueue<ConnectionRegistry.Owner, AcceptedConnection>,
        for owner: ConnectionRegistry.Owner
    ) {
        let isTooMany = line.count(of: owner) > limits.perUser
        guard isTooMany || line.count > limits.waiting,
            let payer = isTooMany ? owner : line.owningMost
        else { return }
        line.remove(of: payer) { _ in true }?.close()
    }

    private func setUpNext(of line: inout FairQueue<ConnectionRegistry.Owner, AcceptedConnection>) {
        while let connection = line.popFirst() {
            // Before `/proc` is read for nobody.
            guard !connection.hasHungUp else {
                connection.close()
                continue
            }
            let peer = PeerIdentity(
                descriptor: connection.descriptor, readsProcess: readsProcess)
            let done = setUp(connection, peer.map { Caller($0) } ?? .nobody)
            done.whenComplete { _ in self.givePlaceBack(on: done.eventLoop) }
            return
        }
        state.withLock { $0.free += 1 }
    }

    private func takePlace() -> Bool {
        state.withLock { state in
            guard state.free > 0 else {
                state.isWanted = true
                return false
            }
            state.free -= 1
            return true
        }
    }

    private func givePlaceBack(on loop: any EventLoop) {
        let isFirst = state.withLock { state in
            guard state.isWanted else {
                state.free += 1
                return false
            }
            state.returned += 1
            return state.returned == 1
        }
        guard isFirst else { return }
        // Or the loop would be given one after the other, and never look at its sockets.
        loop.scheduleTask(in: Turns.breath) { self.tellOfPlaces() }
    }

    private func tellOfPlaces() {
        state.withLock { state in
            state.free += state.returned
            state.returned = 0
            state.isWanted = false
        }
        wakeup.wake()
    }

    private var areAllSetUp: Bool {
        state.withLock { state in
            state.isWanted = state.free < Self.setUpsAtOnce
            return !state.isWanted
        }
    }
}
