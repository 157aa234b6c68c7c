#define _GNU_SOURCE
#include "host_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
enum { CAUGHT = sizeof caught / sizeof caught[0] };
static volatile sig_atomic_t received;

static void note(int number) { received = number; }

static long read_line(int terminal, unsigned char *buffer, unsigned long capacity) {
    unsigned long count = 0;
    int too_long = 0;
    for (;;) {
        unsigned char byte;
        ssize_t got = read(terminal, &byte, 1);
        if (got < 0 && errno == EINTR) {
            if (received != 0) return -EINTR;
            continue;
        }
        if (got < 0) return -errno;
        if (got == 0) return count == 0 ? -ENODATA : (long)count;
        if (byte == '\n') return too_long ? -E2BIG : (long)count;
        if (count < capacity)
            buffer[count++] = byte;
        else
            too_long = 1;
        byte = 0;
    }
}

static long ask_once(int terminal, const char *prompt, unsigned char *buffer,
                     unsigned long capacity) {
    struct termios before, quiet;
    struct sigaction old[CAUGHT], action;
    if (tcgetattr(terminal, &before) != 0) return -ENXIO;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    sigemptyset(&action.sa_mask);
    received = 0;
    for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &action, &old[i]);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    long result = -EINTR;
    if (received == 0 && tcsetattr(terminal, TCSAFLUSH, &quiet) == 0) {
        if (write(terminal, prompt, strlen(prompt)) >= 0)
            result = read_line(terminal, buffer, capacity);
        while (tcsetattr(terminal, TCSAFLUSH, &before) != 0 && errno == EINTR && received == 0) {
        }
        // TCSAFLUSH is refused to a background process: then the shell has restored the terminal.
        if (write(terminal, "\n", 1) < 0 && result >= 0) result = -errno;
    }
    for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &old[i], NULL);
    if (received != 0) {
        explicit_bzero(buffer, capacity);
        kill(getpid(), received);
        return -EINTR;
    }
    return result;
}

long chost_ask(const char *prompt, unsigned char *buffer, unsigned long capacity) {
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) return -ENXIO;
    long result;
    // After a stop and a continuation the question is put again.
    do result = ask_once(terminal, prompt, buffer, capacity);
    while (result == -EINTR &&
           (received == SIGTSTP || received == SIGTTIN || received == SIGTTOU));
    close(terminal);
    return result;
}

int chost_terminal_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
