import Foundation
import Testing

@testable import Host

/// Whose unit a process is, from its control groups.
struct SystemdUnitTests {
    @Test(arguments: [
        ("0::/system.slice/app.service", "app.service"),
        ("0::/system.slice/app.service/nginx.service", "app.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/nginx.service", "user@1000.service"),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service",
            "user@1000.service"
        ),
        ("0::/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("0::/machine.slice/docker-1.scope/system.slice/app.service", "docker-1.scope"),
        ("0::/system.slice/_cgroup.app.service", "cgroup.app.service"),
        ("12:cpu:/a.service\n1:name=systemd:/system.slice/b.service\n0::/c.service", "b.service"),
        ("12:cpu:/a.service\n0::/system.slice/c.service", "c.service"),
        ("0::/system.slice/a:b.service", "a:b.service"),
        // A user may name folders so: to a Character, a slash with a combining mark is none.
        (
            "0::/user.slice/user-1000.slice/user@1000.service/\u{301}x.slice/nginx.service",
            "user@1000.service"
        ),
        ("0::/user.slice\u{301}/nginx.service", nil), ("0::/\u{301}.slice/nginx.service", nil),
        ("0::/system.slice/b.service\n\u{301}0::/c.service", "b.service"),
        ("0::/system.slice/\u{212A}.service", nil), ("0::/a b.service", nil),
        ("0::/a=b.service", nil),
        ("0::/../b.service", nil), ("0::/system.slice/../b.service", nil), ("0::/", nil),
        ("0::/system.slice", nil), ("12:cpu:/a.service", nil), ("", nil),
    ])
    func theFirstComponentThatIsNoSliceIsTheUnit(text: String, expected: String?) {
        #expect(SystemdUnit.name(inCgroups: text) == expected)
    }

    @Test(arguments: [
        ("app.service", true), ("app@1.service", true), ("a-b_c:d.service", true),
        ("user@1000.service", false), ("app.scope", false), (".service", false), ("app", false),
        ("a/b.service", false), ("a b.service", false), ("a\n.service", false),
        ("a/\u{301}b.service", false), ("\u{212A}.service", false), ("app.service\u{301}", false),
    ])
    func onlyServicesOfTheMachineAreUnitsForRules(name: String, expected: Bool) {
        #expect(SystemdUnit.isService(name) == expected)
    }

    /// This process, through a real socket.
    @Test func theKernelSaysWhoConnected() throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let peer = try #require(PeerIdentity(descriptor: ends[0], readsProcess: true))
        #expect(peer.uid == geteuid())
        #expect(peer.gid == getegid())
        #expect(peer.pid == getpid())
        #expect(!peer.process.isContained)
        let count = getgroups(0, nil)
        #expect(peer.groups.count == Int(count))
        #expect(peer.process.uids == Array(repeating: geteuid(), count: 4))
    }

    @Test func whatIsNoSocketIsNobody() {
        #expect(PeerIdentity(descriptor: 0, readsProcess: true) == nil)
    }

    /// Of a process that has ended nothing is known, and so nothing is allowed.
    @Test func aProcessThatHasEndedHasNoUnitAndCountsAsContained() {
        #expect(ProcessDescription(pid: Int32.max) == nil)
        #expect(ProcessDescription.unknown.isContained)
        #expect(ProcessDescription.unknown.unit == nil)
    }
}
