#pragma once

struct sqlite3;

/// Sets one on-off option of a connection; Swift can't call the variadic `sqlite3_db_config`.
///
/// Returns SQLite's result code.
int bursar_sqlite_set(struct sqlite3 *connection, int option, int on);

/// Bounds the bytes of a value, and so of what a damaged or foreign file can make SQLite hand out.
void bursar_sqlite_limit_length(struct sqlite3 *connection, int byte_count);
