internal import Host

/// The 100 bytes before everything else in a SQLite file
/// ([SQLite, "The Database Header"](https://www.sqlite.org/fileformat2.html#the_database_header)).
///
/// SQLite stands odd values in many of its fields; Bursar's files have one value there.
enum FileHeader {
    private static let byteCount = 100

    /// What Bursar's files have, by offset.
    private static let fields: [(offset: Int, bytes: [UInt8])] = [
        (0, Array("SQLite format 3\0".utf8)), (16, [0x10, 0]), (20, [0, 64, 32, 32]),
        (44, [0, 0, 0, 4]), (48, [0, 0, 0, 0]), (52, [0, 0, 0, 0]), (56, [0, 0, 0, 1]),
        (64, [0, 0, 0, 0]), (72, [UInt8](repeating: 0, count: 20)),
    ]

    /// Compares the header of a file that no database has open.
    ///
    /// - Throws: ``VaultError/damaged(_:)`` with the place of what differs.
    static func require(_ path: String) throws(VaultError) {
        let header: [UInt8]
        do {
            header = try PrivateFiles.readStart(path, byteCount: byteCount)
        } catch {
            throw .host(error)
        }
        guard header.count == byteCount, header.starts(with: fields[0].bytes) else {
            throw .damaged(.notAVault)
        }
        for (offset, bytes) in fields where header[offset..<(offset + bytes.count)] != bytes[...] {
            throw .damaged(.header(offset: offset))
        }
        // Rollback journal or log, the same for readers and writers.
        guard (1...2).contains(header[18]), header[18] == header[19] else {
            throw .damaged(.header(offset: 18))
        }
        // SQLite trusts the file's length in the header only where these two agree.
        guard header[24..<28] == header[92..<96] else { throw .damaged(.header(offset: 92)) }
    }
}
