internal import NIOCore

/// Few requests are worked on at once, and beyond that each uid has its turn: whoever asks much waits for
/// itself.
///
/// What is bounded is the work: a request that waits for something makes way. Lives on the broker's one event
/// loop.
final class Turns {
    /// Who waits for a turn.
    protocol Member: AnyObject {
        /// The turn has come.
        func takeTurn()
    }

    /// How many are worked on at once.
    static let limit = 8
    /// Whatever takes longer waits, for a name service or a disk, and makes way.
    static let longest = TimeAmount.milliseconds(50)
    /// NIO's event loop looks at its sockets only when no task is due: where much is to be done, the next part
    /// is due so much later.
    static let breath = TimeAmount.microseconds(100)

    private let loop: any EventLoop
    private var underWay: [(member: any Member, until: NIODeadline)] = []
    private var line = FairQueue<ConnectionRegistry.Owner, any Member>()
    private var next: (at: NIODeadline, task: Scheduled<Void>)?

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// Gives a turn, now or later.
    ///
    /// - Parameters:
    ///   - member: who asks.
    ///   - owner: with whom it shares its turns.
    ///   - isUrgent: whether the owner, if it waits for nothing yet, is the next.
    func ask(_ member: any Member, of owner: ConnectionRegistry.Owner, isUrgent: Bool) {
        let owner = owner.inLine
        if line.count == 0, underWay.count < Self.limit { return begin(member) }
        line.append(member, of: owner, isUrgent: isUrgent)
        planNext()
    }

    /// Ends a turn, or the wait for one; nothing where there is none.
    func end(_ member: any Member, of owner: ConnectionRegistry.Owner) {
        if let index = underWay.firstIndex(where: { $0.member === member }) {
            underWay.remove(at: index)
            planNext()
        } else if line.count > 0 {
            line.remove(of: owner.inLine) { $0 === member }
        }
    }

    private func begin(_ member: any Member) {
        underWay.append((member, .now() + Self.longest))
        member.takeTurn()
    }

    /// Plans to look when the next turn can begin, where somebody waits for it.
    private func planNext() {
        guard line.count > 0 else { return }
        var time = NIODeadline.now() + Self.breath
        if underWay.count >= Self.limit, let first = underWay.first {
            time = max(time, first.until)
        }
        guard next.map({ $0.at > time }) ?? true else { return }
        next?.task.cancel()
        let task = loop.assumeIsolated().scheduleTask(deadline: time) { [weak self] in
            if let self { beginNext() }
        }
        next = (time, task)
    }

    private func beginNext() {
        next = nil
        let now = NIODeadline.now()
        if line.count > 0 { underWay.removeAll { $0.until <= now } }
        while underWay.count < Self.limit, let member = line.popFirst() { begin(member) }
        planNext()
    }
}
