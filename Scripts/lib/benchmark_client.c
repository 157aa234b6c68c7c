/* The least that a client of the broker does: one connection, the listener's uid, one request, its answer.
 * `bursar token get` is measured against it. Usage: benchmark_client SOCKET NAME */

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char answer[1 << 18];

static int fail(const char *words) {
    fprintf(stderr, "benchmark_client: error: %s\n", words);
    return 1;
}

static int write_all(int file, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t part = write(file, bytes, count);
        if (part <= 0) return 0;
        bytes += part;
        count -= (size_t)part;
    }
    return 1;
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t size = sizeof peer;
    char request[512];

    if (argc != 3 || strlen(argv[1]) >= sizeof address.sun_path || strlen(argv[2]) > 128)
        return fail("usage: benchmark_client SOCKET NAME");
    strcpy(address.sun_path, argv[1]);
    int link = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link < 0 || connect(link, (struct sockaddr *)&address, sizeof address) != 0)
        return fail("nobody listens");
    if (getsockopt(link, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid()))
        return fail("the broker belongs to somebody else");

    int length = snprintf(request, sizeof request,
                          "GET /v1/credentials/%s/token HTTP/1.1\r\nHost: bursar\r\n"
                          "Connection: close\r\nAccept: text/plain\r\n\r\n",
                          argv[2]);
    if (!write_all(link, request, (size_t)length)) return fail("can't send");

    size_t count = 0;
    ssize_t part;
    while ((part = read(link, answer + count, sizeof answer - 2 - count)) > 0) count += (size_t)part;
    answer[count] = 0;
    char *body = strstr(answer, "\r\n\r\n");
    if (part < 0 || strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || body == NULL)
        return fail("no token came back");
    body += 4;
    answer[count++] = '\n';
    return write_all(STDOUT_FILENO, body, count - (size_t)(body - answer)) ? 0 : fail("can't write");
}
