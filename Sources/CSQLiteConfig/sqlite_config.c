#include "sqlite_config.h"

#include <sqlite3.h>

int bursar_sqlite_set(struct sqlite3 *connection, int option, int on) {
    int is = 0;
    int result = sqlite3_db_config(connection, option, on, &is);
    return result == SQLITE_OK && is != on ? SQLITE_MISUSE : result;
}

void bursar_sqlite_limit_length(struct sqlite3 *connection, int byte_count) {
    sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, byte_count);
}
