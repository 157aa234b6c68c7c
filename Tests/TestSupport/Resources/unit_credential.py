"""Asks at a socket as systemd does for LoadCredential=NAME:PATH: bound to an address that names unit and
credential, half closed at once. Takes the socket and the address without its first byte ("-" for none, a "@" in
front for a path); prints JSON: how many seconds until the end came, and what came before it."""

import json
import signal
import socket
import sys
import time

signal.pthread_sigmask(signal.SIG_SETMASK, [])
path, address, *rest = sys.argv[1:]
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
if address.startswith("@"):
    peer.bind(address[1:])
elif address != "-":
    peer.bind(b"\0" + address.encode("utf-8", "surrogateescape"))
start = time.monotonic()
peer.connect(path)
data = b""
try:
    if rest:
        peer.sendall(rest[0].encode())
    else:
        peer.shutdown(socket.SHUT_WR)
    while part := peer.recv(4096):
        data += part
except OSError:  # The other end was faster.
    pass
print(json.dumps({"seconds": time.monotonic() - start, "data": data.decode()}))
