#include "host_files.h"

#include <sys/vfs.h>

long chost_file_system_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)(status.f_type & 0xffffffff) : -1;
}
