#define _GNU_SOURCE
#include "host_peer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int chost_peer_credentials(int descriptor, int *pid, unsigned *uid, unsigned *gid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int chost_peer_groups(int descriptor, unsigned *groups, unsigned capacity) {
    socklen_t size = capacity * sizeof *groups;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) return -errno;
    return (int)(size / sizeof *groups);
}

int chost_peer_process(int descriptor) {
    int process = -1;
    socklen_t size = sizeof process;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERPIDFD, &process, &size) != 0) return -errno;
    return process;
}

int chost_process_is_alive(int process) {
    struct pollfd entry = {process, POLLIN, 0};
    return poll(&entry, 1, 0) == 0;
}

int chost_has_hung_up(int descriptor) {
    struct pollfd entry = {descriptor, 0, 0};
    return poll(&entry, 1, 0) == 1;
}
