#pragma once

/// Starts a program in a session of its own, in `/`, with `/dev/null` as standard streams, `report` as
/// descriptor 3 and no other. Returns its pid, or a negated errno.
int chost_spawn_daemon(const char *path, char *const arguments[], char *const environment[],
                       int report);

/// Runs a program with `output` as its standard output; other streams are inherited. Its pid, or a
/// negated errno.
int chost_spawn_asking(const char *path, char *const arguments[], int output);

/// Waits until a process that is no child has ended: 0, or a negated errno (ETIME after the timeout).
int chost_wait_for_end(int pid, int timeout_ms);
