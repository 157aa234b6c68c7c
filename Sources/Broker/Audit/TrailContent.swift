internal import Host

/// What is in a file of the trail, as far as the broker goes by it.
struct TrailContent {
    /// Bytes of refusals.
    var refusalByteCount = 0
    /// The number that the last line that was carried over had where it was first written.
    var lastCarried: UInt64 = 0
    /// The last change that was announced after the vault's checkpoint, if no line says that it failed: it was
    /// not made, for it would have sealed this line.
    var unmade: TrailLine?

    /// An empty file's.
    init() {}

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: what to read.
    ///   - byteCount: how much of it.
    ///   - checkpoint: the last line that the vault has sealed.
    /// - Throws: ``HostError`` if it can't be read.
    init(_ file: AppendOnlyFile, _ byteCount: Int, after checkpoint: UInt64) throws(HostError) {
        try Self.forEachLine(of: file, byteCount) { add($0, after: checkpoint) }
    }

    private mutating func add(_ bytes: [UInt8], after checkpoint: UInt64) {
        guard let kind = TrailLine.kind(of: bytes) else { return }
        switch kind {
        case .refused: refusalByteCount += bytes.count + 1
        case .token, .continued, .torn: return
        default:
            guard let line = TrailLine(bytes) else { return }
            if let origin = line.carriedFrom {
                lastCarried = max(lastCarried, origin)
            } else if line.number > checkpoint {
                if kind.announcesAChange { unmade = line }
                if kind == .failed { unmade = nil }
            }
        }
    }

    /// Calls a closure with each whole line of a file, without its end.
    static func forEachLine(
        of file: AppendOnlyFile, _ byteCount: Int = .max, _ body: ([UInt8]) -> Void
    ) throws(HostError) {
        var rest: [UInt8] = []
        var offset = 0
        while offset < byteCount {
            let part = try file.read(at: offset, count: min(1 << 20, byteCount - offset))
            guard !part.isEmpty else { return }
            offset += part.count
            let split = TrailLine.split(rest + part)
            // What is longer is no line.
            rest = split.rest.count > AuditEvent.longestLine ? [] : split.rest
            for line in split.lines { body(line) }
        }
    }
}
