#include "host.h"
int chost_placeholder(void) { return 0; }
