"""Many connections at a broker's socket, for tests of how it bears them.

usage: crowd.py SOCKET KIND COUNT [REQUEST]

KIND is what each connection does: `idle` nothing; `half` sends half a request; `endless` sends a header
that never ends, until it is closed; `garbage` sends 1,000,000 bytes that are no HTTP; `churn` opens and
closes; `ask` sends REQUEST (a path) and waits for the answer. Connections of the first two stay open.

Prints one line of JSON when the work is done: {"open": N, "answers": {STATUS LINE OR BODY: N}, "seconds":
S}; "cut" counts answers that are not whole. With `ask`, prints {"sent": N} first. Ends when standard input
does.
"""

import json
import os
import resource
import select
import signal
import socket
import sys
import time

signal.pthread_sigmask(signal.SIG_SETMASK, [])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
path, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def connect():
    connection = socket.socket(socket.AF_UNIX)
    # A full backlog is waited for by a blocking socket alone.
    connection.connect(path)
    connection.settimeout(30)
    return connection


def pour(connection, part, limit):
    """Sends until the limit, or until the other side has had enough."""
    sent = 0
    try:
        while sent < limit:
            sent += connection.send(part)
    except OSError:
        pass
    connection.close()


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) == int(value)
    return True


def ask():
    """All at once; every answer is read to its end."""
    request = f"GET {sys.argv[4]} HTTP/1.1\r\nHost: b\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    connections = [connect() for _ in range(count)]
    start = time.monotonic()
    for connection in connections:
        connection.sendall(request.encode())
    print(json.dumps({"sent": count}), flush=True)
    got = {connection.fileno(): (connection, b"") for connection in connections}
    poller = select.poll()
    for number in got:
        poller.register(number, select.POLLIN)
    done = []
    while got:
        for number, _ in poller.poll(60_000):
            connection, answer = got[number]
            try:
                part = connection.recv(65536)
            except OSError:
                part = b""
            got[number] = (connection, answer + part)
            if not part:
                poller.unregister(number)
                done.append(got.pop(number)[1])
    result = {"open": 0, "closed": 0, "cut": 0, "answers": {}, "seconds": time.monotonic() - start}
    for answer in done:
        if not answer:
            result["closed"] += 1
        elif not is_whole(answer):
            result["cut"] += 1
        else:
            head, _, body = answer.partition(b"\r\n\r\n")
            status = head.split(b"\r\n")[0].decode()
            key = body.decode() if " 200 " in status else status
            result["answers"][key] = result["answers"].get(key, 0) + 1
    return result


def crowd():
    start = time.monotonic()
    kept = []
    for _ in range(count):
        connection = connect()
        if kind == "half":
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: b\r\nX-Half: a")
        if kind in ("idle", "half"):
            kept.append(connection)
        elif kind == "endless":
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nX: ")
            pour(connection, b"a" * 512, 1 << 30)
        elif kind == "garbage":
            pour(connection, os.urandom(100_000), 1_000_000)
        else:
            connection.close()
    return {"open": len(kept), "seconds": time.monotonic() - start}, kept


if kind == "ask":
    result = ask()
else:
    result, kept = crowd()
print(json.dumps(result), flush=True)
sys.stdin.read()
