/// The names of systemd's units in the paths of control groups.
///
/// A user may name folders in a part of the tree as he likes. So everything is compared as bytes: to a
/// `Character`, a slash with a combining mark after it is no slash.
public enum SystemdUnit: Sendable {
    /// The unit of a process, from its `/proc/PID/cgroup`: the first component from the root, in systemd's own
    /// hierarchy, that is no slice.
    ///
    /// What comes below is in the unit's own hands, or in a user's: it proves nothing.
    ///
    /// - Parameter text: the file; both layouts are read, one hierarchy and several.
    /// - Returns: nil if the process is in no unit, or outside of what this process sees, or if the name is none
    ///   that systemd gives.
    public static func name(inCgroups text: String) -> String? {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"))
        let paths = ["name=systemd", ""].lazy.compactMap { controllers in
            lines.lazy.compactMap { path(in: $0, of: controllers) }.first
        }
        guard let path = paths.first else { return nil }
        for component in path.split(separator: UInt8(ascii: "/")) {
            // systemd puts `_` before a name that the kernel or it would misread.
            let name = component.first == UInt8(ascii: "_") ? component.dropFirst() : component
            guard isName(name), !component.elementsEqual("..".utf8) else { return nil }
            if !ends(name, with: ".slice") { return String(Substring(name)) }
        }
        return nil
    }

    /// Whether it is the name of a service of the machine's own manager; a user's manager is none, for what
    /// runs below it is the user's.
    public static func isService(_ name: String) -> Bool {
        let bytes = name.utf8[...]
        return isName(bytes) && bytes.count <= 255 && ends(bytes, with: ".service")
            && bytes.count > ".service".utf8.count && !bytes.starts(with: "user@".utf8)
    }

    /// The name as systemctl takes it too, which need not say `.service`.
    public static func withSuffix(_ name: String) -> String {
        name.utf8.contains(UInt8(ascii: ".")) ? name : name + ".service"
    }

    /// Whether systemd takes it in a unit's name
    /// ([systemd.unit(5)](https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html)).
    private static func isName(_ name: Substring.UTF8View) -> Bool {
        name.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
    }

    private static func ends(_ name: Substring.UTF8View, with suffix: String) -> Bool {
        name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    private static func path(
        in line: Substring.UTF8View, of controllers: String
    ) -> Substring.UTF8View? {
        let parts = line.split(
            separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].elementsEqual(controllers.utf8) else { return nil }
        return parts[2]
    }
}
