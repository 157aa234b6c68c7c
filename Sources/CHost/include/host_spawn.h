#pragma once

/// Starts a program in a session of its own, in `/`, with `/dev/null` as standard streams, `report` (above
/// 2) as descriptor 3 and no other. Returns its pid, or a negated errno.
int chost_spawn_daemon(const char *path, char *const arguments[], char *const environment[],
                       int report);

/// Runs a program with `output` as its standard output; other streams are inherited. Its pid, or a
/// negated errno.
int chost_spawn_asking(const char *path, char *const arguments[], int output);

/// A descriptor that names a process, child or not, for as long as it is open; or a negated errno (ESRCH:
/// it has ended).
int chost_open_process(int pid);
