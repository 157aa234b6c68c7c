internal import CHost

#if canImport(Glibc)
internal import Glibc
#endif

/// The process's environment.
public enum Environment: Sendable {
    /// A variable's value; nil if it is not set, or empty.
    public static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// The names of all variables that begin so, sorted; those without a value, too.
    public static func names(withPrefix prefix: String) -> [String] {
        var names: [String] = []
        var index: UInt = 0
        while let entry = unsafe chost_environment_entry(index) {
            let name = unsafe String(cString: entry).prefix { $0 != "=" }
            if name.hasPrefix(prefix) { names.append(String(name)) }
            index += 1
        }
        return names.sorted()
    }

    /// The absolute path of a file that was named as seen from the working folder.
    public static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }

    /// The path of the program that runs, without symbolic links.
    public static var executable: String? {
        try? PrivateFiles.resolved("/proc/self/exe")
    }

    /// Whether the path leads to something that this user may run.
    public static func isExecutable(_ path: String) -> Bool {
        unsafe access(path, X_OK) == 0
    }
}
