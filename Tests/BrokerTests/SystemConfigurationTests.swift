import Broker
import Testing

/// Where a machine's broker has its things.
@Suite
struct SystemConfigurationTests {
    private func parse(_ arguments: String...) throws -> Configuration {
        guard case .run(let configuration) = try Configuration.parse(arguments) else {
            throw CancellationError()
        }
        return configuration
    }

    @Test func aMachinesBrokerNeedsNoHome() throws {
        let configuration = try parse("--system")
        #expect(configuration.isSystem)
        #expect(configuration.vaultFile == "/var/lib/bursar/vault.db")
        #expect(configuration.stateFolder == "/var/lib/bursar-state")
        #expect(configuration.credentialsSocketPath == nil)
    }

    @Test func pathsCanBeNamed() throws {
        let configuration = try parse(
            "--system", "--vault", "/v", "--socket", "/s", "--credentials-socket=/c")
        #expect(configuration.vaultFile == "/v")
        #expect(configuration.socketPath == "/s")
        #expect(configuration.credentialsSocketPath == "/c")
    }
}
