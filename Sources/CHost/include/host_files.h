#pragma once

/// The magic number of the path's file system (statfs(2)), or -1.
long chost_file_system_type(const char *path);

/// Renames a file to a name that nothing has yet; 0, or an errno (EEXIST: something has it).
int chost_rename_new(const char *path, const char *name);
