internal import NIOSSL
internal import OAuth

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension Credential {
    /// Checks what reading alone does not.
    func validate() throws(BrokerError) {
        guard clientID.utf8.count <= 1024 else { throw .badRequest("the client id is too long") }
        do throws(OAuthError) {
            _ = try TokenRequest(
                scopes: scopes, audience: audience, resources: resources,
                parameters: parameters)
            if method == .clientSecretBasicRaw, clientID.contains(":") { throw .badClientID }
        } catch {
            throw .badCredential(error)
        }
        guard proxy == nil || tokenURL.scheme == "https" else {
            throw .badRequest("plain http to this machine goes through no proxy")
        }
        for origin in origins { try Self.requireOrigin(origin, allowsHTTPLoopback) }
        if let defaultExpiresIn {
            guard (1...TokenResponse.longestLifetime).contains(defaultExpiresIn) else {
                throw .badRequest("default_expires_in is 1 s to ten years")
            }
        }
        if let expiresAt { try Self.requireDate(expiresAt) }
        if let caCertificates { try Self.requireCertificates(caCertificates) }
    }

    /// An origin is scheme, host and port alone, the host in lower case.
    private static func requireOrigin(
        _ text: String, _ allowsHTTPLoopback: Bool
    ) throws(BrokerError) {
        let url: EndpointURL
        do {
            url = try EndpointURL(parsing: text, allowHTTPLoopback: allowsHTTPLoopback)
        } catch .badURL(_, .notHTTPS), .badURL(_, .httpLoopback) {
            throw .badCredential(.badURL(text, .notHTTPS))
        } catch {
            throw .badRequest("\"\(escaped(text))\" is no origin")
        }
        let withPort = "\(url.scheme)://\(url.host):\(url.port)"
        guard text == url.origin || text == withPort else {
            throw .badRequest("\"\(escaped(text))\" is no origin: https://HOST[:PORT]")
        }
    }

    private static func requireDate(_ text: String) throws(BrokerError) {
        let isDay = (try? Date.ISO8601FormatStyle().year().month().day().parse(text)) != nil
        let isTime = (try? Date.ISO8601FormatStyle().parse(text)) != nil
        guard (isDay && text.utf8.count == 10) || isTime else {
            throw .badRequest("\"\(escaped(text))\" is no date: 2027-03-31, or RFC 3339")
        }
    }

    private static func requireCertificates(_ pem: String) throws(BrokerError) {
        let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        guard let certificates, !certificates.isEmpty else {
            throw .badRequest("the CA file has no certificate in PEM")
        }
    }
}
