import BrokerClient
import BursarCommands
import Glibc
import Host

do {
    try Hardening.forbidDumps()
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch try TokenFastPath.run(arguments) {
    // Nothing is buffered, and tearing the runtime down takes a tenth of the whole time.
    case .done: _exit(0)
    case .answered(let answer): exit(Commands.run(arguments, answer: answer))
    case .unanswered: exit(Commands.reportNoAnswer())
    case .notPlain: exit(Commands.run(arguments))
    }
} catch {
    try? StandardStream.error.write("bursar: error: \(error)\n")
    exit(74)
}
