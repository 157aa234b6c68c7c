#if canImport(Glibc)
internal import Glibc
#endif

/// The two ends of a pipe, neither of which a program that is run inherits by itself.
struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(HostError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw .system(operation: "pipe", path: nil, code: errno)
        }
        readEnd = ends[0]
        writeEnd = ends[1]
        _ = fcntl(readEnd, F_SETFD, FD_CLOEXEC)
        _ = fcntl(writeEnd, F_SETFD, FD_CLOEXEC)
    }
}
