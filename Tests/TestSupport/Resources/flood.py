"""A flood at a broker's socket, for a given time.

usage: flood.py SOCKET KIND SECONDS COUNT [REQUEST]

KIND is what it does over and over: `churn` connects and closes; `stay` connects, and keeps the newest COUNT
connections; `leave` connects, sends REQUEST (a path) and closes without reading; `ask` has REQUEST answered on
COUNT connections at once.

Prints {"pid": N} when it begins, and {"count": N, "median": S} when it ends: how often it did so, and what one
answer took in the median. Ends at the latest when standard input does.
"""

import collections
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
path, kind, seconds, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
request = f"GET {sys.argv[5] if len(sys.argv) > 5 else '/v1/status'} HTTP/1.1\r\nHost: b\r\n\r\n".encode()


def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def connections(end):
    number, kept = 0, collections.deque(maxlen=count)
    while time.monotonic() < end:
        connection = connect()
        try:
            if kind == "leave":
                connection.sendall(request)
        except OSError:
            pass
        if kind == "stay":
            if len(kept) == count:
                kept[0].close()
            kept.append(connection)
        else:
            connection.close()
        number += 1
    return {"count": number, "median": 0}


def asking(end):
    sent, times = {}, []
    poller = select.poll()

    def begin():
        connection = connect()
        poller.register(connection, select.POLLIN)
        connection.sendall(request)
        sent[connection.fileno()] = (connection, time.monotonic())

    for _ in range(count):
        begin()
    while time.monotonic() < end:
        for number, _ in poller.poll(100):
            connection, start = sent[number]
            try:
                answer = connection.recv(65536)
            except OSError:
                answer = b""
            times.append(time.monotonic() - start)
            if answer:
                connection.sendall(request)
                sent[number] = (connection, time.monotonic())
            else:
                poller.unregister(number)
                del sent[number]
                connection.close()
                begin()
    return {"count": len(times), "median": sorted(times)[len(times) // 2] if times else 0}


print(json.dumps({"pid": os.getpid()}), flush=True)
work = asking if kind == "ask" else connections
print(json.dumps(work(time.monotonic() + seconds)), flush=True)
sys.stdin.read()
