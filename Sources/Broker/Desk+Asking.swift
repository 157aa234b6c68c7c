internal import OAuth
internal import Vault

extension Desk {
    /// Asks the authorization server for one kind of token, as often as the cache wants.
    ///
    /// The cache keeps it: it holds the names of things, and reads the credential anew each time.
    func asking(
        _ tokenRequest: TokenRequest, _ name: String, _ revision: CredentialRevision
    ) -> TokenCache.Request {
        { [requester, keeper, metrics, weak cache] deadline in
            do throws(BrokerError) {
                guard let known = CredentialName(name) else { throw .denied }
                let (record, credential) = try await keeper.knownCredential(named: known)
                guard record.id == revision.id, record.revision == revision.revision else {
                    throw .tryLater(.credentialChanged, after: nil)
                }
                let token = try await requester.token(
                    tokenRequest, for: credential, named: name, by: deadline,
                    noteRepeat: { await cache?.noteRepeat(revision) },
                    noteTry: { outcome, duration in
                        metrics.noteRequest(
                            outcome, for: record.id, named: record.name, taking: duration)
                    },
                    openSecret: { () async throws(BrokerError) in
                        try await keeper.secret(of: record)
                    })
                return .success(token)
            } catch {
                return .failure(error)
            }
        }
    }
}
