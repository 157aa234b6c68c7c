#define _GNU_SOURCE
#include "host_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

// What ends or stops a program that waits at the terminal. The first are blocked but while waiting, so
// that none is lost between a look and the wait; the last two have to interrupt tcsetattr and read.
static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU};
enum { CAUGHT = sizeof caught / sizeof caught[0], BLOCKED = CAUGHT - 2 };
// In its line mode the kernel keeps 4,095 bytes of a line and drops the rest without a word.
enum { LONGEST_LINE = 4095 };
static volatile sig_atomic_t received;

static void note(int number) { received = number; }

struct guard {
    struct sigaction actions[CAUGHT];
    sigset_t mask;
};

static void begin(struct guard *guard) {
    struct sigaction action;
    sigset_t blocked;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (int i = 0; i < BLOCKED; i++) sigaddset(&blocked, caught[i]);
    sigprocmask(SIG_BLOCK, &blocked, &guard->mask);
    received = 0;
    for (int i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], NULL, &guard->actions[i]);
        // What is ignored (nohup, a background job of a script) stays so.
        if (guard->actions[i].sa_handler != SIG_IGN) sigaction(caught[i], &action, NULL);
    }
}

static void end(const struct guard *guard) {
    for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &guard->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
}

static long read_line(int terminal, const sigset_t *waiting, unsigned char *buffer,
                      unsigned long capacity) {
    unsigned long count = 0, typed = 0;
    for (;;) {
        struct pollfd input = {.fd = terminal, .events = POLLIN};
        if (received != 0) return -EINTR;
        if (ppoll(&input, 1, NULL, waiting) < 0) {
            if (errno != EINTR) return -errno;
            continue;
        }
        unsigned char byte;
        ssize_t got = read(terminal, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0 && typed == 0) return -ENODATA;
        if (got == 0 || byte == '\n')
            return typed > capacity || typed >= LONGEST_LINE ? -E2BIG : (long)count;
        if (count < capacity) buffer[count++] = byte;
        typed++;
        explicit_bzero(&byte, 1);
    }
}

static long ask_once(int terminal, const char *prompt, unsigned char *buffer,
                     unsigned long capacity) {
    struct termios before, quiet;
    struct guard guard;
    if (tcgetattr(terminal, &before) != 0) return -ENXIO;
    begin(&guard);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    long result = -EINTR;
    if (tcsetattr(terminal, TCSAFLUSH, &quiet) == 0) {
        if (write(terminal, prompt, strlen(prompt)) >= 0)
            result = read_line(terminal, &guard.mask, buffer, capacity);
        while (tcsetattr(terminal, TCSAFLUSH, &before) != 0 && errno == EINTR && received == 0) {
        }
        // This is refused to a background process: then the shell has restored the terminal.
        if (write(terminal, "\n", 1) < 0 && result >= 0) result = -errno;
    } else if (received == 0) {
        result = -errno;
    }
    int number = received;
    if (result < 0) explicit_bzero(buffer, capacity);
    end(&guard);
    if (number == 0) return result;
    explicit_bzero(buffer, capacity);
    // Swift's runtime catches some of them for its stack traces, and goes on.
    bool stops = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
    if (!stops) signal(number, SIG_DFL);
    kill(getpid(), number);
    return -EINTR;
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
