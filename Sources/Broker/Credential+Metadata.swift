package import OAuth

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension Credential {
    /// Reads what the vault keeps.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)`` if it is no credential's metadata.
    package init(decoding metadata: [UInt8]) throws(BrokerError) {
        try self.init(parsing: metadata.span)
    }

    /// Reads the metadata of a `PUT`: one JSON object, as Protocol.md lists its members.
    ///
    /// - Throws: ``BrokerError/badRequest(_:)``, or ``BrokerError/badCredential(_:)`` for what the
    ///   protocol does not allow.
    package init(parsing metadata: Span<UInt8>) throws(BrokerError) {
        let object: JSONValue
        do {
            object = try JSONValue(parsing: metadata)
        } catch {
            throw .badRequest("the metadata is no JSON: \(error)")
        }
        var members = try MetadataMembers(object)
        do throws(OAuthError) {
            try self.init(&members)
        } catch {
            throw .badCredential(error)
        }
        try members.requireNoMore()
        try validate()
    }
}
