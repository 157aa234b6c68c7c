"""The benchmark's token endpoint: TLS on loopback, connections kept, as little work as can be.

Prints one line of JSON when it listens: {"port", "ca_file"}. POST /token answers a new token each time;
POST /close does, too, and ends the connection;
POST /slow after 200 ms, with the time (of the clock that never jumps) in the token; POST /hang never. GET answers an issuer's metadata, for oidc-agent. Ends
when standard input does.
"""

import http.server
import itertools
import json
import secrets
import ssl
import subprocess
import sys
import threading
import time

folder = sys.argv[1]
numbers = itertools.count(1)
# As long as a signed token usually is.
padding = secrets.token_urlsafe(600)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def make_certificates():
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("openssl", "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj",
        "/CN=Bursar benchmark CA")
    run("openssl", "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(f"{folder}/server.ext", "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "30", "-extfile", "server.ext", "-out", "server.pem")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body leave in one segment.
    wbufsize = -1

    def answer(self, members):
        body = json.dumps(members).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/close":
            self.close_connection = True
        if self.path == "/hang":
            time.sleep(3600)
        if self.path == "/slow":
            time.sleep(0.2)
            return self.answer({
                "access_token": f"{next(numbers)}.{time.monotonic_ns()}", "token_type": "Bearer",
                "expires_in": 3600})
        token = {"access_token": f"{next(numbers)}.{padding}", "token_type": "Bearer", "expires_in": 3600}
        if b"grant_type=client_credentials" not in form:
            token["refresh_token"] = "refresh"
        self.answer(token)

    def do_GET(self):
        issuer = f"https://127.0.0.1:{self.server.server_port}/"
        self.answer({
            "issuer": issuer, "token_endpoint": issuer + "token",
            "authorization_endpoint": issuer + "authorize", "registration_endpoint": issuer + "register",
            "scopes_supported": ["openid", "offline_access"], "response_types_supported": ["code"],
            "grant_types_supported": ["refresh_token"]})

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def finish_request(self, request, address):
        # The handshake belongs to the connection's own thread.
        try:
            super().finish_request(context.wrap_socket(request, server_side=True), address)
        except OSError:
            pass


make_certificates()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port, "ca_file": f"{folder}/ca.pem"}), flush=True)
sys.stdin.read()
