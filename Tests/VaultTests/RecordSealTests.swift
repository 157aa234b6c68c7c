import Sodium
import Testing

@testable import Vault

/// The keys of a record: bound to vault, record, revision and, for the secret, destination.
///
/// The manifest would tell, too; here it is not asked.
struct RecordSealTests {
    private static let id = [UInt8](repeating: 7, count: 16)
    private static let vaultID = [UInt8](repeating: 9, count: 16)
    private static let destination = [UInt8](repeating: 5, count: 32)

    private static func master(_ vaultID: [UInt8] = vaultID) -> MasterKey {
        MasterKey(Secret(copying: [UInt8](repeating: 1, count: 32).span), vaultID: vaultID)
    }

    private func row(_ name: String = "a", id: [UInt8] = id, revision: UInt64 = 3) -> RecordRow {
        RecordSeal.row(
            Record(id: id, revision: revision, name: name, metadata: [1, 2, 3]),
            secret: Secret(copying: Array("s3cret".utf8).span), destination: Self.destination,
            with: Self.master())
    }

    private func opens(
        _ row: RecordRow, vaultID: [UInt8] = vaultID, destination: [UInt8] = destination
    ) -> (metadata: Bool, secret: Bool) {
        let master = Self.master(vaultID)
        var metadata = false
        var secret = false
        do throws(VaultError) {
            metadata = try RecordSeal.record(row, with: master).name == "a"
        } catch {}
        do throws(SodiumError) {
            secret =
                try RecordSeal.secret(row, destination: destination, with: master)
                .withBytes { $0.copied() } == Array("s3cret".utf8)
        } catch {}
        return (metadata, secret)
    }

    @Test func opensInItsPlace() {
        #expect(opens(row()) == (true, true))
    }

    @Test func opensInNoOtherRow() {
        var other = row()
        other.id[0] ^= 1
        #expect(opens(other) == (false, false))
    }

    @Test func opensInNoOtherRevision() {
        var other = row()
        other.revision += 1
        #expect(opens(other) == (false, false))
    }

    @Test func opensInNoOtherVault() {
        var vaultID = Self.vaultID
        vaultID[15] ^= 1
        #expect(opens(row(), vaultID: vaultID) == (false, false))
    }

    @Test func theSecretOpensForNoOtherDestination() {
        var destination = Self.destination
        destination[31] ^= 1
        #expect(opens(row(), destination: destination) == (true, false))
    }

    @Test func theNeighboursSecretDoesNotOpen() {
        var mine = row()
        let neighbour = row("b", id: [UInt8](repeating: 8, count: 16))
        mine.secret = neighbour.secret
        #expect(opens(mine) == (true, false))
        mine.metadata = neighbour.metadata
        #expect(opens(mine) == (false, false))
    }

    /// The two halves have keys of their own.
    @Test func theHalvesAreNotExchanged() {
        var row = row()
        swap(&row.metadata, &row.secret)
        #expect(opens(row) == (false, false))
    }

    @Test func aNameBelongsToItsIndex() {
        var row = row()
        row.nameIndex[0] ^= 1
        #expect(opens(row) == (false, true))
    }
}
