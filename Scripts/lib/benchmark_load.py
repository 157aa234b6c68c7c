"""What Scripts/benchmark measures of the broker under load: many callers at once, a server that hangs, a
crowd of connections."""

import contextlib
import os
import resource
import selectors
import socket
import statistics
import subprocess
import time

from benchmark_contenders import fail, interleaved, progress

CALLERS, IDLE = 500, 5000


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def token_request(name, more=""):
    return (f"GET /v1/credentials/{name}/token{more} HTTP/1.1\r\nHost: b\r\nAccept: text/plain\r\n"
            "Connection: close\r\n\r\n").encode()


def herd(broker, name, number):
    """All callers at once for a token that is not there; returns the milliseconds from the end of the one
    token request, which the token tells, to the last caller's answer."""
    connections = [connect(broker.socket) for _ in range(CALLERS)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.sendall(token_request(name, f"?scope=herd-{number}"))
            selector.register(connection, selectors.EVENT_READ, [])
        answers = []
        while selector.get_map():
            for key, _ in selector.select(60) or fail("callers were not answered"):
                part = key.fileobj.recv(65536)
                key.data.append(part)
                if not part:
                    answers.append(b"".join(key.data))
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        end = time.monotonic_ns()
    tokens = {answer.partition(b"\r\n\r\n")[2] for answer in answers}
    if len(tokens) != 1 or len(answers) != CALLERS or not answers[0].startswith(b"HTTP/1.1 200 "):
        fail(f"{CALLERS} callers got {len(tokens)} tokens: {sorted(tokens)[:2]}")
    return (end - int(tokens.pop().split(b".")[1])) / 1e6


def warm(broker, name):
    return lambda: broker.link.request("GET", f"/v1/credentials/{name}/token")[1]


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.pid}/fd"))


class Crowd:
    """Idle connections of several uids where that is allowed, and callers that misbehave all the time."""

    script = """if True:
        import os, resource, socket, sys, threading, time
        path, idle, isRude = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "rude"
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        def connect():
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection
        kept = [connect() for _ in range(idle)]
        def half():
            while True:
                with connect() as connection:
                    connection.sendall(b"GET /v1/status HTTP/1.1\\r\\nX: a")
                    connection.recv(65536)
        def pour(part, limit):
            while True:
                sent = 0
                try:
                    with connect() as connection:
                        connection.sendall(b"GET / HTTP/1.1\\r\\nX: " if part == b"a" else b"")
                        while sent < limit:
                            sent += connection.send(part * 1000)
                except OSError:
                    pass
                time.sleep(0.1)
        if isRude:
            garbage = os.urandom(1000)
            for work in (half, lambda: pour(garbage, 1000000), lambda: pour(b"a", 1 << 30)):
                threading.Thread(target=work, daemon=True).start()
            for _ in range(300):
                connect().close()
        print("ready", flush=True)
        sys.stdin.read()
        os._exit(0)
    """

    def __init__(self, broker):
        is_root = os.getuid() == 0
        if is_root:
            # The scratch folder and all below it; what is above is open to all.
            folder = os.path.dirname(broker.socket)
            while folder.count("/") > 2 or not os.stat(folder).st_mode & 0o001:
                os.chmod(folder, 0o755)
                folder = os.path.dirname(folder)
            os.chmod(broker.socket, 0o666)
        # One uid alone keeps no more than its bound.
        uids = range(40_001, 40_007) if is_root else [None]
        self.processes = []
        for number, uid in enumerate(uids):
            prefix = () if uid is None else (
                "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
            is_last = number == len(uids) - 1
            idle = 0 if is_last and uid else IDLE // max(len(uids) - 1, 1)
            self.processes.append(subprocess.Popen(
                (*prefix, "/usr/bin/python3", "-c", self.script, broker.socket, str(idle),
                 "rude" if is_last else "idle"), stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def __enter__(self):
        for process in self.processes:
            if not process.stdout.readline():
                fail("a crowd did not start")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def measure(benchmark):
    """Adds its rows to the benchmark's table."""
    raise_descriptors()
    table, rounds = benchmark.table, benchmark.rounds["read"]
    with contextlib.ExitStack() as stack:
        quiet, loud = (stack.enter_context(benchmark.broker(name)) for name in ("quiet", "loud"))
        for broker in (quiet, loud):
            benchmark.credential(broker, "warm", "token")
            benchmark.credential(broker, "slow", "slow")
            benchmark.credential(broker, "hangs", "hang")
            warm(broker, "warm")()

        progress(f"{CALLERS} callers at once")
        before = quiet.metric("bursar_token_endpoint_duration_seconds_count")
        herds = [herd(quiet, "slow", number) for number in range(10)]
        requests = quiet.metric("bursar_token_endpoint_duration_seconds_count") - before
        table.row(
            f"{CALLERS} callers at once, endpoint takes 200 ms: from its answer to the last caller's",
            f"{statistics.median(herds):.0f} ms", "", "", "", max(herds) / 1e3, 0.6, " s, the slowest too")
        table.notes.append(f"{len(herds)} times {CALLERS} callers caused {requests:.0f} token requests; the "
                           f"slowest of them were served {max(herds):.0f} ms after its end.")

        progress("one endpoint hangs")
        waiting = [connect(loud.socket) for _ in range(200)]
        for connection in waiting:
            connection.sendall(token_request("hangs", "?timeout=60"))
        medians = interleaved(rounds, [warm(loud, "warm"), warm(quiet, "warm")])
        table.add("a cached token while 200 callers wait for a server that hangs", medians[0],
                  "while nobody waits", medians[1], 1.5)
        for connection in waiting:
            connection.close()
        time.sleep(5)

        progress("a crowd of connections")
        memory, count = loud.memory()[0], descriptors(loud)
        with Crowd(loud):
            for _ in range(100):
                if descriptors(loud) - count >= IDLE:
                    break
                time.sleep(0.1)
            held = descriptors(loud) - count
            medians = interleaved(rounds, [warm(loud, "warm"), warm(quiet, "warm")])
        table.add(f"a cached token beside {held:,} idle connections, garbage, halves and endless headers",
                  medians[0], "beside none", medians[1], 2)
        time.sleep(5)
        table.megabytes("RssAnon that is left of that crowd", loud.memory()[0] - memory, 10)
        table.notes.append(f"Descriptors: {count} before the crowd, {descriptors(loud)} after it.")
