import Testing

@testable import Host

/// Where the kernel may put memory, from its own files.
struct SwapSpaceTests {
    private static let title = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

    @Test(arguments: [
        ("", []), (title, []),
        (title + "/dev/sda2   partition\t2097148\t0\t-2\n", ["/dev/sda2"]),
        (
            title + "/dev/zram0 partition 1 0 100\n/swap\\040file file 1 0 -2\n",
            ["/swap\\040file"]
        ),
    ])
    func devicesAreNamedUnlessTheyAreMemory(text: String, devices: [String]) {
        #expect(SwapSpace.devices(in: text) == devices)
    }

    @Test(arguments: [
        ("0::/system.slice/bursard.service\n", "/system.slice/bursard.service", "0\n", true),
        ("0::/system.slice/bursard.service\n", "/system.slice", "0\n", true),
        ("0::/system.slice/bursard.service\n", "/system.slice/bursard.service", "max\n", false),
        ("0::/system.slice/bursard.service\n", "/system.slice/bursard.service", "05\n", false),
        ("0::/system.slice/bursard.service\n", "/user.slice", "0\n", false),
        ("2:cpu:/x\n0::/x\n", "/x", "0\n", true), ("2:cpu:/x\n", "/x", "0\n", false),
        ("0::/\n", "", "0\n", false),
    ])
    func aControlGroupForbidsIt(
        cgroups: String, folder: String, limit: String, isForbidden: Bool
    ) {
        let file = "/sys/fs/cgroup\(folder)/memory.swap.max"
        #expect(
            SwapSpace.isForbidden(cgroups: cgroups, read: { $0 == file ? limit : "max\n" })
                == isForbidden)
    }
}
