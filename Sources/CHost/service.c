#define _GNU_SOURCE
#include "host_service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int option(int descriptor, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

int chost_listening_path(int descriptor, char *buffer, unsigned long byte_count) {
    if (option(descriptor, SO_DOMAIN) != AF_UNIX || option(descriptor, SO_TYPE) != SOCK_STREAM ||
        option(descriptor, SO_ACCEPTCONN) != 1)
        return -ENOTSOCK;
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return -errno;
    if (address.sun_path[0] != '/') return -ENOTSOCK;
    unsigned long length = strnlen(address.sun_path, sizeof address.sun_path);
    if (length >= byte_count) return -ERANGE;
    memcpy(buffer, address.sun_path, length);
    buffer[length] = 0;
    return 0;
}

int chost_accept(int descriptor, int wake, int waits) {
    for (;;) {
        struct pollfd entries[2] = {{.fd = descriptor, .events = POLLIN},
                                    {.fd = wake, .events = POLLIN}};
        int ready = poll(entries, 2, waits ? -1 : 0);
        if (ready < 0) {
            if (errno == EINTR) continue;
            return -errno;
        }
        if (ready == 0) return -EAGAIN;
        if (entries[1].revents != 0) return -ECANCELED;
        int connection = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection >= 0) return connection;
        if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) return -errno;
    }
}

int chost_notify(const char *path, const char *message, unsigned long byte_count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsigned long length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (manager < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    long sent = sendto(manager, message, byte_count, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int code = sent < 0 ? -errno : 0;
    close(manager);
    return code;
}

int chost_is_standard_error(unsigned long long device, unsigned long long inode) {
    struct stat status;
    return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

unsigned long long chost_monotonic_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

int chost_peer_name(int descriptor, unsigned char *buffer, unsigned long capacity) {
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    if (getpeername(descriptor, (struct sockaddr *)&address, &size) != 0) return -errno;
    if (address.sun_family != AF_UNIX) return -EAFNOSUPPORT;
    unsigned long length = size > offsetof(struct sockaddr_un, sun_path)
                               ? size - offsetof(struct sockaddr_un, sun_path)
                               : 0;
    if (length > capacity) return -ERANGE;
    memcpy(buffer, address.sun_path, length);
    return (int)length;
}
