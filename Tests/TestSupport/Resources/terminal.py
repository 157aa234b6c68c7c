"""Runs a program at a terminal of its own, as a shell's foreground job, and plays a person.

Arguments: the steps as JSON, then the command. A step is ["expect", TEXT] (wait until it is shown),
["type", TEXT], ["echo", BOOL] (whether the terminal echoes now), ["signal", NAME], ["stopped"] (wait until
the program has stopped) or ["end"]. Prints one JSON object: what was shown, and how the program ended.
"""

import json
import os
import pty
import select
import signal
import sys
import termios
import time

steps = json.loads(sys.argv[1])
command = sys.argv[2:]
signal.pthread_sigmask(signal.SIG_SETMASK, [])
reader, writer = os.pipe()


def session():
    """The session's leader: starts the program as its foreground job, waits, ends as it did."""
    os.close(reader)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.close(writer)
        os.execvp(command[0], command)
    os.write(writer, str(job).encode())
    os.close(writer)
    _, status = os.waitpid(job, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


leader, terminal = pty.fork()
if leader == 0:
    session()
os.close(writer)
job = int(os.read(reader, 20))
shown = b""
end = time.monotonic() + 40


def look(seconds):
    global shown
    ready, _, _ = select.select([terminal], [], [], seconds)
    if not ready:
        return True
    try:
        part = os.read(terminal, 4096)
    except OSError:
        return False
    shown += part
    return bool(part)


def state():
    try:
        with open(f"/proc/{job}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def wait(what, is_so):
    while not is_so():
        if time.monotonic() > end:
            print(json.dumps({"failed": f"{what} did not come", "shown": shown.decode("latin-1")}))
            os.kill(job, signal.SIGKILL)
            sys.exit(1)
        look(0.02)


seen = 0
for step in steps:
    kind, *rest = step
    if kind == "expect":
        text = rest[0].encode()
        wait(rest[0], lambda: text in shown[seen:])
        seen = shown.index(text, seen) + len(text)
    elif kind == "type":
        os.write(terminal, rest[0].encode("latin-1"))
    elif kind == "echo":
        is_on = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
        wait(f"echo {rest[0]}", lambda: is_on() == rest[0])
    elif kind == "signal":
        os.kill(job, getattr(signal, "SIG" + rest[0]))
    elif kind == "stopped":
        wait("a stop", lambda: state() == "T")
wait("the end", lambda: state() in ("Z", "gone", "X"))
while look(0.3) and time.monotonic() < end:
    if not select.select([terminal], [], [], 0.1)[0]:
        break
echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
_, status = os.waitpid(leader, 0)
print(json.dumps({"shown": shown.decode("utf-8", "replace"), "status": os.waitstatus_to_exitcode(status),
                  "echoes": echoes}))
