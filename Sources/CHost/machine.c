#define _GNU_SOURCE
#include "host_machine.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

unsigned long long chost_locked_memory_limit(int is_hard) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
    return is_hard ? limit.rlim_max : limit.rlim_cur;
}

int chost_is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0; }

int chost_clock_is_synchronised(void) {
    struct timex state = {.modes = 0};
    if (adjtimex(&state) < 0) return -errno;
    return (state.status & STA_UNSYNC) == 0;
}

const char *chost_environment_entry(unsigned long index) {
    // Nothing here changes it.
    return environ ? environ[index] : 0;
}
