#pragma once

/// The limit of locked memory in bytes, the soft one or the hard one; all bits set for none, 0 if it can't
/// be read.
unsigned long long chost_locked_memory_limit(int is_hard);

/// Whether a crash of this process, or a debugger of the same user, may read its memory.
int chost_is_dumpable(void);

/// Whether something keeps the machine's clock right: 1, 0, or a negated errno.
int chost_clock_is_synchronised(void);

/// One entry of the environment, `NAME=VALUE`; null after the last one.
const char *chost_environment_entry(unsigned long index);
