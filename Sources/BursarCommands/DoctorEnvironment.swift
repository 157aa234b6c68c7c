internal import Host

/// What the doctor says about the variables that this process got, and the passphrase's file.
struct EnvironmentFindings {
    /// `--passphrase-file`.
    let named: String?

    private static let known = [
        "BURSAR_ASKPASS", "BURSAR_AUTOSTART", "BURSAR_PASSPHRASE_FILE", "BURSAR_SOCKET",
        "BURSAR_VAULT",
    ]

    var findings: [FindingDocument] {
        let odd = unknown + values + proxies
        return (odd.isEmpty ? [.ok("environment", "no variable is odd")] : odd) + passphrase
    }

    private var unknown: [FindingDocument] {
        Environment.names(withPrefix: "BURSAR_").filter { !Self.known.contains($0) }.map { name in
            guard name.contains("PASS") || name.contains("SECRET") else {
                return .note(name, "Bursar knows no such variable", cure: "see: man bursar")
            }
            return .problem(
                name, "Bursar knows no such variable, and others can read a secret there",
                cure: "unset it, and name a file: BURSAR_PASSPHRASE_FILE")
        }
    }

    private var values: [FindingDocument] {
        var findings: [FindingDocument] = []
        if let value = Environment.value("BURSAR_AUTOSTART"), value != "0", value != "1" {
            findings.append(
                .note("BURSAR_AUTOSTART", "it is neither 0 nor 1, so brokers are started"))
        }
        for name in ["BURSAR_SOCKET", "BURSAR_VAULT"] {
            guard let value = Environment.value(name), !value.hasPrefix("/") else { continue }
            findings.append(
                .note(name, "\"\(value)\" is another path in every folder", cure: "begin it with /")
            )
        }
        if let program = Environment.value("BURSAR_ASKPASS"), !Environment.isExecutable(program) {
            findings.append(
                .problem(
                    "BURSAR_ASKPASS", "\"\(program)\" can't be run", cure: "chmod +x, or unset it"))
        }
        return findings
    }

    private var proxies: [FindingDocument] {
        let name = ["HTTPS_PROXY", "https_proxy"].first { Environment.value($0) != nil }
        guard let name else { return [] }
        return [
            .note(
                name, "the broker takes no proxy from a variable",
                cure: "store it: bursar vault set NAME --proxy http://HOST:PORT --secret-stdin")
        ]
    }

    private var passphrase: [FindingDocument] {
        let path = named ?? Environment.value("BURSAR_PASSPHRASE_FILE")
        guard let path else { return [] }
        do throws(HostError) {
            _ = try PrivateFiles.readStart(path, byteCount: 0)
        } catch .unsafe {
            // No regular file: a pipe, which must not be opened twice.
            return []
        } catch {
            return [.problem("passphrase file", error.description, cure: error.cure)]
        }
        let mode = PrivateFiles.mode(path)
        guard mode & 0o044 == 0 else {
            let error = HostError.unsafe(path: path, .openMode(mode))
            return [.problem("passphrase file", error.description, cure: error.cure)]
        }
        return [.ok("passphrase file", "nobody else can read \"\(path)\"")]
    }
}

/// What the doctor says about the machine's clock: certificates, and the ends of tokens and secrets, are
/// judged by it.
struct ClockFindings {
    /// Seconds since 1970.
    let seconds: Int
    /// nil if the kernel does not say.
    let isSynchronised: Bool?

    /// 2026-11-01: this version was made after that.
    private static let earliest = 1_793_491_200

    var findings: [FindingDocument] {
        let cure = "sudo timedatectl set-ntp true"
        guard seconds >= Self.earliest else {
            return [.problem("clock", "it is behind: before this version was made", cure: cure)]
        }
        switch isSynchronised {
        case true: return [.ok("clock", "it is kept right")]
        case false: return [.note("clock", "nothing is known to keep it right", cure: cure)]
        case nil: return [.note("clock", "the kernel does not say whether it is kept right")]
        }
    }
}
