package import OAuth
internal import Sodium

/// One client at one authorization server, without its secret: what the vault keeps as metadata.
package struct Credential: Sendable, Equatable {
    package var clientID: String
    package var tokenURL: EndpointURL
    package var method: ClientAuthenticationMethod
    package var scopes: [String] = []
    package var audience: String?
    package var resources: [String] = []
    package var parameters: [TokenRequest.Parameter] = []
    package var origins: [String] = []
    package var proxy: ProxyURL?
    package var basicUsername: String?
    package var caCertificates: String?
    package var allowsHTTPLoopback = false
    package var defaultExpiresIn: Int64?
    package var expiresAt: String?
    package var preset: String?
    package var settings: [TokenRequest.Parameter] = []
    /// Who gets tokens of it from a machine's broker.
    package var allowedCallers: [AllowedCaller] = []
    package var createdAt: String = ""
    package var updatedAt: String = ""

    package init(clientID: String, tokenURL: EndpointURL, method: ClientAuthenticationMethod) {
        self.clientID = clientID
        self.tokenURL = tokenURL
        self.method = method
    }

    /// Where the secret may go, as the 32 bytes that its key is derived from.
    ///
    /// Whoever changes one of these has to give the secret anew.
    package var destination: [UInt8] {
        var hash = KeyedHash()
        hash.append("bursar destination 1")
        hash.append(tokenURL.text)
        hash.append(method.rawValue)
        hash.append(caCertificates ?? "")
        hash.append(proxy?.text ?? "")
        hash.append(clientID)
        return hash.finalize()
    }
}
