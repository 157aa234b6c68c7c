internal import Host

/// Says what a rule for a systemd unit does not tell apart.
enum UnitAdvice {
    /// Most bytes that are read of what systemd says.
    private static let limit = 4 << 20

    /// A unit as `systemctl show` describes it.
    private struct Unit {
        var name = ""
        var user = ""
        var hasDynamicUser = false
        var isThere = false

        init(_ text: Substring) {
            for line in text.split(separator: "\n") {
                let parts = line.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { continue }
                switch parts[0] {
                case "Id": name = String(parts[1])
                case "User": user = String(parts[1])
                case "DynamicUser": hasDynamicUser = parts[1] == "yes"
                case "LoadState": isThere = parts[1] == "loaded"
                default: break
                }
            }
        }
    }

    /// Warns if the unit is not there, or runs as a user that people or other units share.
    ///
    /// A process of one unit can act as another unit of the same user. Without systemd nothing is said.
    static func give(_ unit: String) {
        let name = unit.contains(".") ? unit : unit + ".service"
        guard let own = units([name]).first else { return }
        guard own.isThere else { return warn("systemd knows no unit \"\(name)\" yet") }
        guard !own.hasDynamicUser else { return }
        let user = own.user.isEmpty ? "root" : own.user
        let others = units(["*.service"]).filter {
            $0.isThere && !$0.hasDynamicUser && $0.name != own.name
                && ($0.user.isEmpty ? "root" : $0.user) == user
        }
        if user == "root" || !others.isEmpty {
            let example = others.first.map { ", \($0.name) for one" } ?? ""
            warn("\(own.name) runs as \(user), as other units do\(example): they can act as it")
        } else if isPerson(user) {
            warn(
                "\(own.name) runs as \(user), who may be a person: whoever is \(user) can act as it"
            )
        }
    }

    private static func units(_ patterns: [String]) -> [Unit] {
        let output = ProgramOutput.read(
            "systemctl",
            ["show", "--property=Id,User,DynamicUser,LoadState", "--"] + patterns, limit: limit)
        return (output ?? "").split(separator: "\n\n").map(Unit.init)
    }

    // As login.defs has it, and as a number where a unit names one. A static program asks no name service.
    private static func isPerson(_ user: String) -> Bool {
        let uid =
            UInt32(user)
            ?? ProgramOutput.read("id", ["-u", "--", user], limit: 64).flatMap { text in
                UInt32(text.prefix { $0.isNumber })
            }
        return uid.map { $0 >= 1000 && $0 < 60_000 } ?? false
    }
}
