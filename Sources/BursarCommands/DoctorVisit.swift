internal import BrokerClient
internal import Host

/// One visit of the doctor: what this process can see by itself, then what the broker knows of itself.
///
/// Whatever is wrong becomes a line; nothing here ends the visit.
struct DoctorVisit {
    let options: GlobalOptions
    let connects: Bool

    func findings() -> [FindingDocument] {
        var findings = EnvironmentFindings(named: options.passphraseFile).findings
        findings +=
            ClockFindings(
                seconds: MachineClock.seconds, isSynchronised: MachineClock.isSynchronised
            ).findings
        do throws(ClientError) {
            findings += self.findings(at: try options.choice.place(for: .anyBroker))
        } catch .noSystemBroker {
            findings.append(SystemUnits.missing(Failure(.noSystemBroker(socket: ""))))
        } catch {
            var finding = FindingDocument.problem("broker", Failure(error))
            if case .usage = error { finding.cure = "export HOME=/home/YOU" }
            findings.append(finding)
            findings += MemoryFindings.findings
        }
        return findings
    }

    private func findings(at place: BrokerPlace) -> [FindingDocument] {
        let socket = PlaceFindings.socket(place)
        guard socket.level != .problem else { return [socket] + alone(place) }
        let client = BrokerClient(place)
        do throws(Failure) {
            let request = BrokerRequest("GET", "/v1/status")
            guard let answer = try Session.answer(to: request, of: client) else {
                return [socket] + without(place) + alone(place)
            }
            let status = try decoded(StatusDocument.self, answer)
            return [socket] + versions(status) + brokers(client, place)
        } catch {
            return [socket, .problem("broker", error)] + alone(place)
        }
    }

    /// What the broker says about itself.
    private func brokers(_ client: BrokerClient, _ place: BrokerPlace) -> [FindingDocument] {
        var request = BrokerRequest("GET", "/v1/doctor")
        if connects { request.addParameter("connect", "1") }
        do throws(Failure) {
            guard let answer = try Session.answer(to: request, of: client) else {
                return [.note("broker", "it has just ended", cure: "try again")]
            }
            let findings = try decoded(FindingList.self, answer).findings
            let knowsSwap = findings.contains { $0.subject == "swap" }
            return findings + (knowsSwap ? [] : [MemoryFindings.swap])
        } catch  where error.type == "denied" {
            let command = place.isSystem ? "sudo bursar doctor --system" : nil
            return [
                .note("broker", "it tells administrators alone how it is", cure: command)
            ]
        } catch {
            return [.problem("broker", error)]
        }
    }

    private func versions(_ status: StatusDocument) -> [FindingDocument] {
        guard status.version != BursarCommand.version else {
            let pid = status.pid.map { ", pid \($0)" } ?? ""
            return [.ok("broker", "version \(status.version)\(pid)")]
        }
        return [
            .problem(
                "broker", "it is of version \(status.version), bursar of \(BursarCommand.version)",
                cure: "bursar broker stop, or systemctl restart bursard.service")
        ]
    }

    /// What it means that no broker answers.
    private func without(_ place: BrokerPlace) -> [FindingDocument] {
        let failure = Failure(.noBroker(socket: place.socket, canStart: place.vault != nil))
        if place.isSystem { return [SystemUnits.missing(failure)] }
        guard let vault = place.vault else { return [.problem("broker", failure)] }
        if let holder = LockFile.holder(at: vault + ".lock") {
            return [PlaceFindings.held(by: holder.pid, on: holder.host)]
        }
        guard BrokerClient.program != nil else { return [.problem("broker", Failure(.noProgram))] }
        let words = "none runs, so no credential was looked at"
        return [.note("broker", words, cure: "bursar broker start; bursar unlock")]
    }

    /// What the broker would have said that can be seen from here, too.
    private func alone(_ place: BrokerPlace) -> [FindingDocument] {
        if place.isSystem { return [] }
        let vault = place.vault.map { PlaceFindings.vault($0) } ?? []
        return vault + MemoryFindings.findings
    }
}

/// The files that systemd starts the system's broker by.
enum SystemUnits {
    private static let folders = ["/etc/systemd/system", "/lib/systemd/system"]

    /// No system broker answers: either systemd does not listen, or nothing is installed.
    static func missing(_ failure: Failure) -> FindingDocument {
        let isInstalled = folders.contains { PrivateFiles.exists($0 + "/bursard.socket") }
        return .problem(
            "broker", "no system broker listens at \"\(BrokerChoice.systemSocket)\"",
            cure: isInstalled
                ? "sudo systemctl enable --now bursard.socket" : "install Bursar's package")
    }
}
