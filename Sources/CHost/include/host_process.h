#pragma once

/// Forbids core dumps, ptrace and foreign reads of `/proc/self/mem`; 0, or an errno.
int chost_forbid_dumps(void);

/// Raises the soft limit of locked memory to the hard one; 0, or an errno.
int chost_raise_memlock(void);

/// Raises the soft limit of open descriptors to the hard one; 0, or an errno.
int chost_raise_nofile(void);

/// The soft limit of open descriptors, or a negated errno.
long chost_nofile(void);

/// Gives memory that is free back to the system; takes milliseconds.
void chost_trim_memory(void);

/// The system's words for an errno; cut to the buffer.
void chost_error_words(int code, char *buffer, unsigned long byte_count);
