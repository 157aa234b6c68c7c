"""A token endpoint that does what its path says, over TLS (and plain HTTP) on loopback.

Prints one JSON line when it listens: {"port", "plain_port", "ca_file", "wrong_ca_file", "expired_port",
"wrong_name_port", "proxy_port"}. GET /requests answers how often each path was posted to, and the last
request. Ends when standard input does.
"""

import http.server
import json
import os
import select
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time

# A test runner's threads start their children with every signal blocked.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
folder = tempfile.mkdtemp(prefix="bursar-endpoint-")
counts = {}
last = {}
connects = []
guard = threading.Lock()


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def make_ca(name):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN={name}")


def make_certificate(name, subject, *dates):
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
        f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
    with open(f"{folder}/{name}.ext", "w") as file:
        file.write(f"subjectAltName={subject}\n")
    if dates:
        open(f"{folder}/index.txt", "w").close()
        open(f"{folder}/serial", "w").write("01\n")
        with open(f"{folder}/ca.cnf", "w") as file:
            file.write("[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
                       "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        run("openssl", "ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-cert", "ca.pem",
            "-keyfile", "ca.key", "-out", f"{name}.pem", "-extfile", f"{name}.ext", "-startdate", dates[0],
            "-enddate", dates[1], "-notext")
    else:
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json", **headers):
        if isinstance(body, dict):
            body = json.dumps(body)
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/requests":
            with guard:
                self.answer(200, {"counts": counts, "last": last, "connects": connects})
        else:
            # Where a redirect was followed, this shows it.
            with guard:
                counts["GET " + self.path] = counts.get("GET " + self.path, 0) + 1
            self.answer(200, {"access_token": "from-a-get"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin-1")
        path = self.path.partition("?")[0].removeprefix("/")
        with guard:
            counts[path] = count = counts.get(path, 0) + 1
            last.clear()
            last.update({"path": path, "body": body, "authorization": self.headers.get("Authorization"),
                         "content_type": self.headers.get("Content-Type")})
        # What follows the behaviour only tells tests apart.
        behaviour, _, argument = path.partition("/")[0].partition("-")
        if not hasattr(self, "on_" + behaviour):
            return self.answer(404, {"message": "no such behaviour"})
        getattr(self, "on_" + behaviour)(count, argument)

    def token(self, count, **more):
        self.answer(200, {"access_token": f"token-{count}", "token_type": "Bearer", "expires_in": 3600} | more)

    def on_ok(self, count, _):
        self.token(count)

    def on_slow(self, count, seconds):
        time.sleep(float(seconds or 0.3))
        self.token(count)

    def on_lifetime(self, count, seconds):
        self.token(count, expires_in=int(seconds))

    def on_mortal(self, count, seconds):
        # One token, and then the server is down.
        if count == 1:
            self.token(count, expires_in=int(seconds))
        else:
            self.answer(503, "")

    def on_nolifetime(self, count, _):
        self.answer(200, {"access_token": f"token-{count}", "token_type": "Bearer"})

    def on_scope(self, count, _):
        self.token(count, scope="read")

    def on_redirect(self, count, status):
        host = self.headers["Host"]
        self.answer(int(status or 302), "", Location=f"https://{host}/ok-after-redirect")

    def on_html(self, count, status):
        self.answer(int(status or 200), "<!DOCTYPE html><html><body>Sign in</body></html>", "text/html")

    def on_empty(self, count, status):
        self.answer(int(status), b"")

    def on_status(self, count, status):
        self.answer(int(status), {"message": "no"})

    def on_notoken(self, count, _):
        self.answer(200, {"token_type": "Bearer"})

    def on_notjson(self, count, _):
        self.answer(200, "access_token=abc")

    def on_newline(self, count, _):
        self.answer(200, {"access_token": "abc\ndef"})

    def on_escape(self, count, _):
        self.answer(200, {"access_token": "abc\x1b[2Jdef"})

    def on_error(self, count, code):
        self.answer(400, {"error": code, "error_description": "as the path says"})

    def on_rude(self, count, _):
        self.answer(400, {"error": "bad\x1b[2J\nthing", "error_description": "a\x1b[31mb\nc"})

    def on_echo(self, count, _):
        secret = last["body"].rpartition("client_secret=")[2]
        self.answer(400, {"error": "invalid_scope", "error_description": f"you sent {secret}"})

    def on_huge(self, count, _):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(100 << 20))
        self.end_headers()
        try:
            for _ in range(100 << 4):
                self.wfile.write(b" " * 65536)
        except OSError:
            pass
        self.close_connection = True

    def on_endless(self, count, _):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(100000):
                self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            pass
        self.close_connection = True

    def on_drip(self, count, _):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            for _ in range(600):
                self.wfile.write(b" ")
                time.sleep(0.1)
        except OSError:
            pass
        self.close_connection = True

    def on_padded(self, count, size):
        body = json.dumps({"access_token": f"token-{count}", "expires_in": 3600}).encode()
        self.answer(200, body + b" " * (int(size) - len(body)))

    def on_chunked(self, count, size):
        body = json.dumps({"access_token": f"token-{count}", "expires_in": 3600}).encode()
        body += b" " * (int(size) - len(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for start in range(0, len(body), 10_000):
                part = body[start:start + 10_000]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def on_headers(self, count, size):
        self.token_with_headers(count, {f"X-Filler-{n}": "x" * 9_980 for n in range(int(size) // 10_000)})

    def token_with_headers(self, count, headers):
        self.answer(200, {"access_token": f"token-{count}", "expires_in": 3600}, **headers)

    def on_hang(self, count, _):
        time.sleep(60)

    def on_close(self, count, _):
        self.close_connection = True
        self.connection.close()

    def on_flaky(self, count, failures):
        if count <= int(failures):
            self.answer(503, "")
        else:
            self.token(count)

    def on_retry(self, count, seconds):
        if count == 1:
            self.answer(429, "", Retry_After=seconds)
        else:
            self.token(count)


class Proxy(socketserver.BaseRequestHandler):
    """CONNECT, and nothing else."""

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.request.recv(4096)
            if not part:
                return
            head += part
        method, target, _ = head.split(b" ", 2)
        with guard:
            connects.append(target.decode())
        host, _, port = target.decode().rpartition(":")
        if method != b"CONNECT":
            self.request.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((host, int(port)), timeout=5) as far:
            self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            pairs = {self.request: far, far: self.request}
            while True:
                ready, _, _ = select.select(list(pairs), [], [], 30)
                if not ready:
                    return
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    pairs[end].sendall(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, certificate=None, handler=Endpoint):
        super().__init__(("127.0.0.1", 0), handler)
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(f"{folder}/{certificate}.pem", f"{folder}/{certificate}.key")
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, address):
        # The handshake belongs to the connection's own thread.
        if self.context:
            request.settimeout(70)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        try:
            super().finish_request(request, address)
        except OSError:
            pass

    def handle_error(self, request, address):
        pass


class ProxyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, address):
        pass


make_ca("ca")
make_ca("other")
make_certificate("server", "DNS:localhost,IP:127.0.0.1")
make_certificate("expired", "DNS:localhost,IP:127.0.0.1", "200101000000Z", "210101000000Z")
make_certificate("elsewhere", "DNS:elsewhere.example")
proxy = ProxyServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
print(json.dumps({
    "port": Server("server").server_port, "plain_port": Server().server_port,
    "expired_port": Server("expired").server_port, "wrong_name_port": Server("elsewhere").server_port,
    "proxy_port": proxy.server_address[1], "ca_file": f"{folder}/ca.pem",
    "wrong_ca_file": f"{folder}/other.pem"}), flush=True)
sys.stdin.read()
import shutil
shutil.rmtree(folder, ignore_errors=True)
os._exit(0)
