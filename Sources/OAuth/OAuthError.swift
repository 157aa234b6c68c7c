/// What is wrong with a token request, or with what came back for it.
///
/// No case holds a secret, a token or a body.
public enum OAuthError: Error, Equatable, Sendable {
    /// A URL that can't be a token endpoint, and why (exit code 78, for plain http too).
    case badURL(String, Reason)
    /// A scope that is none (64).
    case badScope(String)
    /// An extra parameter that the protocol uses itself, or that has control characters (64).
    case badParameter(String)
    /// A client id that HTTP Basic can't carry as it is (64).
    case badClientID
    /// A preset that is not known (64).
    case unknownPreset(String)
    /// A preset that lacks a setting, or does not take it (64).
    case badSetting(preset: String, key: String, SettingProblem)

    /// The server refused: its code, and its words if they are plain (77, or 75 for
    /// `temporarily_unavailable` and `server_error`).
    case refused(ErrorCode, description: String?, status: Int)
    /// 401 or 403 with nothing in it (77).
    case refusedWithoutCode(status: Int)
    /// The server can't now: 408, 425, 429 or 5xx; its code, if it has one (75).
    case serverFailed(status: Int, code: ErrorCode?)
    /// A redirect, which is never followed; where to, if it says (76).
    case redirected(status: Int, host: String?)
    /// A status that the protocol does not have, without an error object (76).
    case unexpectedStatus(Int)
    /// No JSON object; whether it looks like a page for people (76).
    case notJSON(status: Int, isHTML: Bool)
    /// A required member is missing (76).
    case missing(member: String)
    /// A member is of another type, or not safe to hand on (76).
    case malformed(member: String)
    /// A token type that nobody asked for (76).
    case unsupportedTokenType(String)
    /// More than is read, in bytes (76).
    case responseTooLarge(limit: Int)

    /// What is wrong with a URL.
    public enum Reason: String, Equatable, Sendable {
        /// No absolute URL of ASCII characters.
        case malformed = "it is no absolute URL"
        /// Not https.
        case notHTTPS = "it is not https"
        /// Plain http to this machine, without the owner's word for it.
        case httpLoopback = "it is plain http"
        /// It has a user or a password.
        case userInfo = "it has a user name"
        /// It has a fragment.
        case fragment = "it has a fragment"
    }

    /// What is wrong with a preset's setting.
    public enum SettingProblem: Equatable, Sendable {
        /// It is needed.
        case missing
        /// The preset does not know it.
        case unknown
        /// Its value can't be part of the URL.
        case malformed
    }
}

extension OAuthError: CustomStringConvertible {
    /// What happened, in one line, without advice.
    public var description: String {
        switch self {
        case .badURL(_, .userInfo): "a URL with a user name in it can't be used"
        case .badURL(let url, let reason):
            "the URL \"\(escaped(url, limit: 200))\" can't be used: \(reason.rawValue)"
        case .badScope(let scope): "\"\(escaped(scope))\" is no scope"
        case .badParameter(let name): "the parameter \"\(escaped(name))\" can't be set"
        case .badClientID: "the client id has a colon, which raw HTTP Basic can't carry"
        case .unknownPreset(let name): "there is no preset \"\(escaped(name))\""
        case .badSetting(let preset, let key, let problem):
            switch problem {
            case .missing: "the preset \"\(preset)\" needs the setting \"\(escaped(key))\""
            case .unknown: "the preset \"\(preset)\" has no setting \"\(escaped(key))\""
            case .malformed:
                "the setting \"\(escaped(key))\" of the preset \"\(preset)\" is malformed"
            }
        case .refused(let code, _, _): code.rawValue
        case .refusedWithoutCode(let status): "status \(status) without an error code"
        case .serverFailed(let status, let code):
            "status \(status)" + (code.map { ", \($0.rawValue)" } ?? "")
        case .redirected(let status, let host):
            "a redirect (status \(status))" + (host.map { " to \"\(escaped($0))\"" } ?? "")
        case .unexpectedStatus(let status): "status \(status) without an error object"
        case .notJSON(let status, let isHTML):
            (isHTML ? "an HTML page" : "no JSON object") + " (status \(status))"
        case .missing(let member): "no \(member)"
        case .malformed(let member): "a malformed \(member)"
        case .unsupportedTokenType(let type): "a token of the type \"\(escaped(type))\""
        case .responseTooLarge(let limit): "more than \(limit / 1024) KiB"
        }
    }
}

/// A text from outside, fit for one line of a message: what is not printable ASCII is escaped.
package func escaped(_ text: String, limit: Int = 64) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        if (0x20..<0x7F).contains(scalar.value), scalar != "\"", scalar != "\\" {
            result.unicodeScalars.append(scalar)
        } else {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}
