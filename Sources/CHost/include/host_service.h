#pragma once

/// The path that a descriptor's socket is bound to, where the socket is a Unix stream socket that listens;
/// what is in the buffer ends with NUL.
///
/// 0, -ENOTSOCK for anything else, -ERANGE if the path does not fit.
int chost_listening_path(int descriptor, char *buffer, unsigned long byte_count);

/// Takes a connection; where it waits, waits for one, or until `wake` can be read. Never calls `listen()`:
/// that would make this process the peer that clients see.
///
/// The connection (close-on-exec), or a negated errno (ECANCELED: `wake` can be read; EAGAIN: there is none).
int chost_accept(int descriptor, int wake, int waits);

/// Sends one message to the service manager's datagram socket; `@` as the first character of its path
/// stands for NUL. 0, or a negated errno.
int chost_notify(const char *path, const char *message, unsigned long byte_count);

/// Whether standard error is the stream that `JOURNAL_STREAM` names as DEVICE:INODE.
int chost_is_standard_error(unsigned long long device, unsigned long long inode);

/// The monotonic clock, in microseconds.
unsigned long long chost_monotonic_microseconds(void);

/// The name that a connected Unix socket's peer is bound to, without its address family; its length, or a
/// negated errno (0: it is bound to none).
int chost_peer_name(int descriptor, unsigned char *buffer, unsigned long capacity);
