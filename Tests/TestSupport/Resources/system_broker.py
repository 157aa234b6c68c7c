"""Stands in for systemd: makes the sockets as root, and runs `bursard --system` as another user on them.

Takes one argument, JSON: {"program", "arguments", "folder", "uid", "environment", "names", "descriptors"}. For each line of
standard input ("start", "stop", "restart", "signal NUMBER") prints one line of JSON when it is done:
{"pid", "ready", "status", "notices"}. Ends, and ends the broker, when standard input does.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time

# A test runner's threads start their children with every signal blocked.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
settings = json.loads(sys.argv[1])
folder = settings["folder"]
names = settings["names"]


def listen(name, mode):
    path = f"{folder}/run/{name}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, mode)
    listener.listen(4096)
    return listener


listeners = [listen("broker.sock", 0o666), listen("credentials.sock", 0o600)]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(f"\0bursar-test-{os.getpid()}")
pid = 0


def start():
    global pid
    log = os.open(f"{folder}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    environment = dict(settings["environment"])
    environment["NOTIFY_SOCKET"] = "@" + manager.getsockname()[1:].decode()
    pid = os.fork()
    if pid:
        os.close(log)
        return
    try:
        copies = [os.dup(listener.fileno()) for listener in listeners]
        for copy in copies:
            os.set_inheritable(os.dup2(copy, 20 + copies.index(copy)), True)
        for index in range(len(copies)):
            os.dup2(20 + index, 3 + index)
            os.close(20 + index)
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3 + len(copies), 64)
        environment["LISTEN_PID"] = str(os.getpid())
        environment["LISTEN_FDS"] = str(len(copies))
        if names:
            environment["LISTEN_FDNAMES"] = names
        if settings["descriptors"]:
            resource.setrlimit(resource.RLIMIT_NOFILE, (settings["descriptors"],) * 2)
        os.setgroups([])
        os.setgid(settings["uid"])
        os.setuid(settings["uid"])
        # PR_SET_PDEATHSIG, after the change of user, which clears it: no broker outlives its tests.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.chdir("/")
        os.execve(settings["program"], [settings["program"]] + settings["arguments"], environment)
    except BaseException as error:
        os.write(2, f"system_broker.py: {error}\n".encode())
    os._exit(99)


def wait(seconds):
    """Until the broker is ready (True), or has ended (False)."""
    notices = []
    manager.settimeout(0.05)
    for _ in range(int(seconds * 20)):
        try:
            notices += manager.recv(4096).decode().split("\n")
        except TimeoutError:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return False, os.waitstatus_to_exitcode(status), notices
        if "READY=1" in notices:
            return True, None, notices
    return False, None, notices


def stop():
    global pid
    if not pid:
        return None
    os.kill(pid, signal.SIGTERM)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    pid = 0
    return status


for line in sys.stdin:
    word, *rest = line.split()
    ready, status, notices = False, None, []
    if word in ("stop", "restart"):
        status = stop()
    if word in ("start", "restart"):
        start()
        ready, status, notices = wait(30)
        if not ready and status is not None:
            pid = 0
    if word == "signal":
        os.kill(pid, int(rest[0]))
        ready, status, notices = wait(10)
    if word == "listen":  # What comes within so many seconds.
        end = time.monotonic() + float(rest[0])
        while (left := end - time.monotonic()) > 0:
            manager.settimeout(left)
            try:
                notices += manager.recv(4096).decode().split("\n")
            except TimeoutError:
                break
    print(json.dumps({"pid": pid, "ready": ready, "status": status, "notices": notices}), flush=True)
stop()
