public import Foundation
public import Testing

/// One file under `Vectors/`: header lines, an empty line, raw bytes.
public struct Vector: Sendable, CustomTestStringConvertible {
    /// The file's name without its ending: the case.
    public let name: String
    /// The header lines.
    public let headers: [String: String]
    /// What follows the empty line.
    public let body: [UInt8]

    /// The name.
    public var testDescription: String { name }

    /// Reads all vectors of a folder.
    ///
    /// - Parameters:
    ///   - folder: where they are.
    ///   - known: the headers that there are; any other one is a mistake.
    /// - Returns: the vectors, by name.
    /// - Throws: ``Malformed``, or what reading files throws.
    public static func all(in folder: URL, known: Set<String>) throws -> [Vector] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "txt" }
            .map { try Vector($0, known) }
            .sorted { $0.name < $1.name }
    }

    /// A vector that can't be read.
    public struct Malformed: Error {
        /// Which, and why.
        public let words: String
    }

    private init(_ file: URL, _ known: Set<String>) throws {
        let bytes = [UInt8](try Data(contentsOf: file))
        name = file.deletingPathExtension().lastPathComponent
        guard
            let end = (0..<max(bytes.count - 1, 0)).first(where: {
                bytes[$0] == 10 && bytes[$0 + 1] == 10
            })
        else { throw Malformed(words: "\(name) has no empty line") }
        var headers: [String: String] = [:]
        for line in String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\n") {
            guard let colon = line.range(of: ": ") else {
                throw Malformed(words: "\(name): \(line)")
            }
            let key = String(line[..<colon.lowerBound])
            guard known.contains(key), headers[key] == nil else {
                throw Malformed(words: "\(name): unknown header \(key)")
            }
            headers[key] = String(line[colon.upperBound...])
        }
        self.headers = headers
        body = Array(bytes[(end + 2)...])
    }
}
