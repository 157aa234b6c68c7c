/// What is known of an authorization server, so that its users need not type it.
public struct Preset: Sendable, Equatable {
    /// What users call it.
    public let name: String
    /// The token endpoint; `{key}` stands for a setting.
    public let tokenURL: String
    /// How its clients prove themselves.
    public let method: ClientAuthenticationMethod
    /// The settings that it needs.
    public let settings: [String]
    /// When its documentation was last read, as `YYYY-MM`.
    public let checked: String

    /// All presets, by name.
    public static let all = [
        // PingFederate; the Data Services documentation's curl line sends the secret in the form.
        Preset(
            name: "hpe-greenlake", tokenURL: "https://sso.common.cloud.hpe.com/as/token.oauth2",
            method: .clientSecretPost, settings: [], checked: "2026-11"),
        Preset(
            name: "hpe-greenlake-workspace",
            tokenURL:
                "https://global.api.greenlake.hpe.com/authorization/v2/oauth2/{workspace}/token",
            method: .clientSecretPost, settings: ["workspace"], checked: "2026-11"),
    ]

    /// The preset of that name.
    ///
    /// - Throws: ``OAuthError/unknownPreset(_:)``.
    public static func named(_ name: String) throws(OAuthError) -> Preset {
        let found = all.first { $0.name == name }
        guard let found else { throw .unknownPreset(name) }
        return found
    }

    /// The token endpoint, the settings filled in.
    ///
    /// A setting is 1 to 128 of the unreserved characters of RFC 3986, so that it stays one part of the
    /// path.
    ///
    /// - Throws: ``OAuthError/badSetting(preset:key:_:)`` for one that is missing, unknown or malformed.
    public func tokenURL(
        settings given: [TokenRequest.Parameter]
    ) throws(OAuthError) -> EndpointURL {
        for setting in given where !settings.contains(setting.name) {
            throw .badSetting(preset: name, key: setting.name, .unknown)
        }
        var url = tokenURL
        for key in settings {
            let values = given.filter { $0.name == key }
            guard let value = values.last?.value else {
                throw .badSetting(preset: name, key: key, .missing)
            }
            let isPart = (1...128).contains(value.utf8.count) && value != "." && value != ".."
            guard isPart, value.utf8.allSatisfy(Self.isUnreserved) else {
                throw .badSetting(preset: name, key: key, .malformed)
            }
            url = Self.replacing("{\(key)}", in: url, with: value)
        }
        return try EndpointURL(parsing: url)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~".utf8.contains(byte)
        }
    }

    private static func replacing(_ part: String, in text: String, with value: String) -> String {
        let pieces = text.split(separator: part, omittingEmptySubsequences: false)
        return pieces.joined(separator: value)
    }
}
