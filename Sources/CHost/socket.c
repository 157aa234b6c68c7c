#define _GNU_SOURCE
#include "host_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int set_timeout(int descriptor, int option, int timeout_ms) {
    struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    return setsockopt(descriptor, SOL_SOCKET, option, &limit, sizeof limit);
}

int chost_set_receive_timeout(int descriptor, int timeout_ms) {
    return set_timeout(descriptor, SO_RCVTIMEO, timeout_ms) == 0 ? 0 : -errno;
}

int chost_connect(const char *path, int timeout_ms, int *peer_pid, unsigned *peer_uid) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (set_timeout(descriptor, SO_SNDTIMEO, timeout_ms) != 0 ||
        connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        int code = errno;
        close(descriptor);
        return -code;
    }
    *peer_pid = peer.pid;
    *peer_uid = peer.uid;
    return descriptor;
}
