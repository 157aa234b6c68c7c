import Foundation
import Sodium
import TestSupport
import Testing

@testable import Vault

struct CrashTests {
    /// A disk of 256 KiB; the mount goes with the value.
    private final class SmallDisk {
        let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try Self.run("/bin/mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder.path)
            _ = chmod(folder.path, 0o700)
        }

        static func run(_ program: String, _ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
        }

        deinit { try? Self.run("/bin/umount", folder.path) }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func aFullDiskLosesNothing() throws {
        let disk = try SmallDisk()
        let fixture = try VaultFixture(in: disk.folder.path)
        let vault = try fixture.create()
        var added = 0
        var refusal: VaultError?
        while refusal == nil, added < 2000 {
            do throws(VaultError) {
                try VaultFixture.add(vault, "n\(added)", "secret \(added)")
                added += 1
            } catch {
                refusal = error
            }
        }
        switch refusal {
        case .io, .host(.system(_, _, code: ENOSPC)): break
        default: Issue.record("\(String(describing: refusal))")
        }
        // Everything that was acknowledged is there, now and after a restart.
        for index in 0..<added {
            #expect(try VaultFixture.secretText(vault, "n\(index)") == "secret \(index)")
        }
        try? vault.close()
        // Whatever room is left, unlocking needs none: also where the last change is not remembered.
        let filler = disk.folder.path + "/filler"
        _ = FileManager.default.createFile(atPath: filler, contents: Data(count: 256 << 10))
        let key = try fixture.key()
        let again = try fixture.unlocked(key)
        for index in 0..<added {
            #expect(try VaultFixture.secretText(again, "n\(index)") == "secret \(index)")
        }
        try? again.close()
    }
}
