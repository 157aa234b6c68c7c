internal import ArgumentParser
internal import BrokerClient
internal import Host

/// The command `bursar vault remove NAME`.
struct VaultRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a credential and its secret.",
        discussion: """
            The secret stays good at the authorization server, and in old copies of the vault: \
            revoke it there, too.

            Example:
              bursar vault remove dscc --yes
            """)

    @Argument(help: "The credential's name.", completion: .credentialNames)
    var name: String
    @Flag(help: "Do not ask.")
    var yes = false
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let path = try credentialPath(name)
        let session = try Session(options, for: .ownBroker)
        if !yes { try confirm("Remove \"\(name)\" and its secret?") }
        _ = try session.send(BrokerRequest("DELETE", path))
    }
}

/// Asks a person, who has to type y or yes.
///
/// - Throws: usage without a terminal, or for any other answer.
func confirm(_ question: String) throws(Failure) {
    guard Terminal.isStandardInput else {
        throw .usage("there is nobody to ask", hints: ["add --yes"])
    }
    try? StandardStream.error.write("\(printable(question)) [y/N] ")
    guard ["y", "yes"].contains(readLine()?.lowercased()) else {
        throw .usage("nothing was changed")
    }
}
