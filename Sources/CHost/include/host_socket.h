#pragma once

/// Connects to a Unix stream socket, and asks the kernel who called `listen()` there. Connecting, and each
/// read and write, is bounded by the time.
///
/// Returns the descriptor (close-on-exec), or a negated errno.
int chost_connect(const char *path, int timeout_ms, int *peer_pid, unsigned *peer_uid);

/// Bounds every further read of a socket; 0, or a negated errno.
int chost_set_receive_timeout(int descriptor, int timeout_ms);
