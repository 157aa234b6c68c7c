#pragma once

/// The magic number of the path's file system (statfs(2)), or -1.
long chost_file_system_type(const char *path);
