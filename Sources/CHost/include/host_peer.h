#pragma once

/// Who connected a Unix socket, as the kernel noted it then (`SO_PEERCRED`); 0, or a negated errno.
int chost_peer_credentials(int descriptor, int *pid, unsigned *uid, unsigned *gid);

/// The supplementary groups of who connected (`SO_PEERGROUPS`); their count, or a negated errno (ERANGE:
/// there are more than the capacity).
int chost_peer_groups(int descriptor, unsigned *groups, unsigned capacity);

/// A descriptor of the very process that connected (`SO_PEERPIDFD`, Linux 6.5), or a negated errno.
int chost_peer_process(int descriptor);

/// Whether the process that a pidfd names still runs.
int chost_process_is_alive(int process);

/// Whether the other end of a connection has gone; one that only sends no more has not.
int chost_has_hung_up(int descriptor);
