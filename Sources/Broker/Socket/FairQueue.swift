internal import NIOCore

/// What waits, in a line for each owner; the owners take turns.
struct FairQueue<Owner: Hashable, Element> {
    private var lines: [Owner: CircularBuffer<Element>] = [:]
    private var turns = CircularBuffer<Owner>()
    /// How many wait, all owners together.
    private(set) var count = 0

    /// Lets one more wait.
    ///
    /// - Parameters:
    ///   - element: the last one of its owner's line.
    ///   - owner: whose it is.
    ///   - isUrgent: whether the owner, if nothing of it waits yet, has the next turn.
    mutating func append(_ element: Element, of owner: Owner, isUrgent: Bool) {
        if lines[owner] == nil {
            if isUrgent { turns.prepend(owner) } else { turns.append(owner) }
        }
        lines[owner, default: []].append(element)
        count += 1
    }

    /// The first one of the owner whose turn it is.
    mutating func popFirst() -> Element? {
        guard let owner = turns.popFirst(), let element = lines[owner]?.popFirst() else {
            return nil
        }
        count -= 1
        if lines[owner]?.isEmpty == true { lines[owner] = nil } else { turns.append(owner) }
        return element
    }

    /// How many of an owner wait.
    func count(of owner: Owner) -> Int { lines[owner]?.count ?? 0 }

    /// The owner of whom most wait.
    var owningMost: Owner? { lines.max { $0.value.count < $1.value.count }?.key }

    /// Lets the first that is meant, if there is one, wait no longer.
    @discardableResult
    mutating func remove(of owner: Owner, where isMeant: (Element) -> Bool) -> Element? {
        guard let index = lines[owner]?.firstIndex(where: isMeant) else { return nil }
        let element = lines[owner]?.remove(at: index)
        count -= 1
        if lines[owner]?.isEmpty == true {
            lines[owner] = nil
            turns.removeAll { $0 == owner }
        }
        return element
    }
}
