/// How a client proves itself at the token endpoint
/// ([RFC 6749, section 2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
public enum ClientAuthenticationMethod: String, Sendable, Hashable, CaseIterable {
    /// HTTP Basic, id and secret form-encoded first, as the section says.
    case clientSecretBasic = "client_secret_basic"
    /// HTTP Basic with id and secret as they are, for servers that do not decode.
    case clientSecretBasicRaw = "client_secret_basic_raw"
    /// Id and secret in the form.
    case clientSecretPost = "client_secret_post"
    /// No secret: the id in the form.
    case none
}
