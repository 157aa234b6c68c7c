import Broker
import Testing

/// Addresses at the socket for `LoadCredential=`.
@Suite
struct UnitAddressTests {
    private static let unit = "app.service"

    private func caller(
        uid: UInt32 = 0, unit: String? = unit, isContained: Bool = false
    ) -> Caller {
        Caller(
            uid: uid, gid: 0, groups: [], pid: 1, unit: unit, isContained: isContained,
            claimedCommand: "(app)")
    }

    @Test func whatSystemdBindsNamesUnitAndCredential() throws {
        let bytes = Array("\0b60060bcaed566ec/unit/getty@tty1.service/dscc".utf8)
        let address = try #require(UnitAddress(bytes))
        #expect(address.unit == "getty@tty1.service")
        #expect(address.name.description == "dscc")
    }

    @Test(arguments: [
        "", "\0", "b6/unit/app.service/x", "\0b6/unit/app.service", "\0b6/unit/app.service/",
        "\0b6/unit/app.service/x/y", "\0b6//app.service/x", "\0/unit/app.service/x",
        "\0b6/user/app.service/x", "\0b6/unit//x", "\0b6/unit/.service/x", "\0b6/unit/app.socket/x",
        "\0b6/unit/app.service/..", "\0b6/unit/app.service/a b", "\0b6/unit/app.service/x\0",
    ])
    func anythingElseIsNone(text: String) {
        #expect(UnitAddress(Array(text.utf8)) == nil)
    }

    @Test func bytesThatAreNoTextAreNone() {
        #expect(UnitAddress(Array("\0b6/unit/app.service/x".utf8) + [0xFF]) == nil)
    }

    @Test func onlyRootInThatVeryUnitAndNoContainerSpeaksForIt() throws {
        let address = try #require(UnitAddress(Array("\0b6/unit/app.service/x".utf8)))
        #expect(address.isTrue(of: caller()))
        #expect(!address.isTrue(of: caller(uid: 1000)))
        #expect(!address.isTrue(of: caller(isContained: true)))
        #expect(!address.isTrue(of: caller(unit: nil)))
        #expect(!address.isTrue(of: caller(unit: "user@1000.service")))
        #expect(!address.isTrue(of: caller(unit: "App.service")))
    }
}
