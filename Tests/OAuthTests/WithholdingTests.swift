import Sodium
import Testing

@testable import OAuth

/// A server that repeats what it was sent; its words are not shown then.
struct WithholdingTests {
    private static let secret = "S3cret/Val+ue1&x=y z"

    private func shown(_ words: String, secret: String = secret) -> String? {
        let error = OAuthError.refused(.invalidScope, description: words, status: 400)
        guard
            case .refused(.invalidScope, let shown, 400) = error.withholding(
                Secret(copying: Array(secret.utf8).span), clientID: "id")
        else { return "another error" }
        return shown
    }

    @Test(arguments: [
        "you sent S3cret/Val+ue1&x=y z", "client_secret=S3cret%2FVal%2Bue1%26x%3Dy%20z",
        "client_secret=S3cret%2fVal%2bue1%26x%3dy+z", "s3cret/val+ue1&X=Y Z", "S3cret/Val+ue1&x=y",
        "got 3cret/Va and no more", "Basic aWQ6UzNjcmV0JTJGVmFsJTJCdWUxJTI2eCUzRHklMjB6",
        "aWQ6UzNjcmV0L1ZhbCt1ZTEmeD15IHo=",
    ])
    func isWithheld(words: String) { #expect(shown(words) == nil) }

    @Test(arguments: ["the scope is not known", "S3cret", "the client id is wrong"])
    func isShown(words: String) { #expect(shown(words) == words) }

    /// A short secret is a good part of itself.
    @Test func aShortSecretIsWithheldWhole() {
        #expect(shown("you sent abc", secret: "abc") == nil)
        #expect(shown("you sent ab", secret: "abc") == "you sent ab")
    }

    @Test func aCodeOfTheServersOwnIsWithheld() {
        let secret = Secret(copying: Array("hunter2hunter2".utf8).span)
        let code = OAuthError.refused(.other("bad hunter2hunter2"), description: nil, status: 400)
        #expect(
            code.withholding(secret, clientID: "id")
                == .refused(.other("withheld"), description: nil, status: 400))
        // The registered words say nothing, whatever the secret is.
        let registered = OAuthError.refused(.invalidClient, description: nil, status: 401)
        #expect(
            registered.withholding(
                Secret(copying: Array("invalid_client".utf8).span), clientID: "id")
                == registered)
        #expect(
            OAuthError.serverFailed(status: 503, code: .other("hunter2hunter2"))
                .withholding(secret, clientID: "id") == .serverFailed(status: 503, code: nil))
        #expect(
            OAuthError.redirected(status: 302, host: "hunter2hunter2.example")
                .withholding(secret, clientID: "id") == .redirected(status: 302, host: nil))
        #expect(
            OAuthError.unsupportedTokenType("HUNTER2hunter2").withholding(secret, clientID: "id")
                == .malformed(member: "token_type"))
    }
}
