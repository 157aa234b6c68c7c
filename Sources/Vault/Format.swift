/// The numbers of Format.md.
enum Format {
    /// The format version, in `user_version`.
    static let version = 1
    /// "Brsr", in `application_id`.
    static let applicationID: Int64 = 0x4272_7372
    /// Bytes of a vault's id, and of a record's.
    static let idByteCount = 16
    /// The most keyslots of a vault.
    static let mostKeyslots = 8
    /// What metadata is padded to a multiple of, in bytes.
    static let metadataBlock = 256
    /// What a secret is padded to a multiple of, in bytes.
    static let secretBlock = 128

    /// The tables, in the order in which SQLite lists them by name.
    static let tables: [(name: String, sql: String)] = [
        (
            "keyslot",
            "CREATE TABLE keyslot (slot INTEGER PRIMARY KEY, kind INTEGER NOT NULL, "
                + "opslimit INTEGER NOT NULL, memlimit INTEGER NOT NULL, salt BLOB NOT NULL, "
                + "tag BLOB NOT NULL, sealed_key BLOB NOT NULL, checksum BLOB NOT NULL)"
        ),
        (
            "record",
            "CREATE TABLE record (name_index BLOB PRIMARY KEY NOT NULL, id BLOB NOT NULL, "
                + "revision INTEGER NOT NULL, metadata BLOB NOT NULL, secret BLOB NOT NULL) "
                + "WITHOUT ROWID"
        ),
        (
            "tombstone",
            "CREATE TABLE tombstone (id BLOB PRIMARY KEY NOT NULL, revision INTEGER NOT NULL, "
                + "name BLOB NOT NULL) WITHOUT ROWID"
        ),
        (
            "vault",
            "CREATE TABLE vault (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, "
                + "manifest BLOB NOT NULL)"
        ),
    ]
}
