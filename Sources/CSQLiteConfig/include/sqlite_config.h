#pragma once

struct sqlite3;

/// Sets one on-off option of a connection; Swift can't call the variadic `sqlite3_db_config`.
///
/// Returns SQLite's result code.
int bursar_sqlite_set(struct sqlite3 *connection, int option, int on);
