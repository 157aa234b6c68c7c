"""What Scripts/benchmark measures: processes and requests that say how many nanoseconds they took."""

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

generator = random.Random(6749)


def progress(words):
    sys.stderr.write(f"benchmark: {words}\n")
    sys.stderr.flush()


def fail(words):
    sys.stderr.write(f"benchmark: error: {words}\n")
    sys.exit(1)


def warm_up(rounds):
    """How many rounds are run before the ones that count."""
    return max(3, rounds // 20)


def interleaved(rounds, contenders):
    """Calls every contender once a round, in a new order each time, so that none always follows the same
    other; returns the median of each one's times, in nanoseconds."""
    times = [[] for _ in contenders]
    for number in range(-warm_up(rounds), rounds):
        order = list(range(len(contenders)))
        generator.shuffle(order)
        for index in order:
            taken = contenders[index]()
            if number >= 0:
                times[index].append(taken)
    return [statistics.median(each) for each in times]


class Program:
    """A whole process, from its start to its end; what it prints has to pass `is_right`."""

    null = os.open(os.devnull, os.O_RDWR)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def __init__(self, *command, environment, is_right):
        self.command = (shutil.which(command[0]) or fail(f"there is no {command[0]}"), *command[1:])
        self.environment = environment
        self.is_right = is_right

    def __call__(self):
        actions = ((os.POSIX_SPAWN_DUP2, self.null, 0), (os.POSIX_SPAWN_DUP2, self.writing, 1))
        start = time.perf_counter_ns()
        pid = os.posix_spawn(self.command[0], self.command, self.environment, file_actions=actions)
        status = os.waitpid(pid, 0)[1]
        taken = time.perf_counter_ns() - start
        with contextlib.suppress(BlockingIOError):
            if status == 0 and self.is_right(os.read(self.reading, 1 << 16).decode().strip()):
                return taken
        fail(f"{' '.join(self.command[:3])} ended with {os.waitstatus_to_exitcode(status)}, or printed "
             "something else than a token")


class Link:
    """A connection to the broker, made anew where an answer closed it."""

    def __init__(self, path):
        self.path = path
        self.closes = True
        self.reconnects = -1

    def connect(self):
        if self.closes:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(self.path)
            self.closes = False
            self.reconnects += 1

    def request(self, method, path, body=b"", *headers):
        """Sends one request; returns the answer's body, and the nanoseconds from the request's first byte
        to the answer's last."""
        lines = [f"{method} {path} HTTP/1.1", "Host: bursar", *headers]
        if body:
            lines += ["Content-Type: application/octet-stream", f"Content-Length: {len(body)}"]
        data = "\r\n".join(lines + ["", ""]).encode() + body
        self.connect()
        start = time.perf_counter_ns()
        self.socket.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.receive()
        head, _, rest = answer.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").lower().split("\r\n")
        fields = dict(field.split(": ", 1) for field in fields)
        while len(rest) < int(fields.get("content-length", 0)):
            rest += self.receive()
        taken = time.perf_counter_ns() - start
        if fields.get("connection") == "close":
            self.closes = True
            self.socket.close()
        if not status.startswith("http/1.1 2"):
            fail(f"{method} {path}: {status}: {rest.decode(errors='replace')}")
        return rest, taken

    def receive(self):
        part = self.socket.recv(1 << 16)
        if not part:
            fail("the broker closed a connection before it answered")
        return part


def has_ended(pid):
    """Whether a process has, a zombie that nobody has waited for included."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


class Broker:
    """A broker of its own with a new vault, in a HOME of its own; ended with the `with`."""

    def __init__(self, folder, bin):
        self.bin, self.folder = bin, folder
        home, runtime = os.path.join(folder, "home"), os.path.join(folder, "run")
        for each in (folder, home, runtime):
            os.mkdir(each, 0o700)
        self.environment = {"HOME": home, "XDG_RUNTIME_DIR": runtime, "PATH": "/usr/bin:/bin"}
        self.socket = os.path.join(runtime, "bursar/broker.sock")
        self.passphrase = secrets.token_urlsafe(24)
        self.file = os.path.join(folder, "passphrase")
        write_private(self.file, self.passphrase)
        self.count = 0
        self.pid = None

    def __enter__(self):
        try:
            self.bursar("vault", "init", "--passphrase-file", self.file)
            self.pid = json.loads(self.bursar("status", "--output", "json"))["pid"]
        except BaseException:
            self.__exit__()
            raise
        self.link = Link(self.socket)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(SystemExit, subprocess.TimeoutExpired):
            self.bursar("broker", "stop")
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.pid and not has_ended(self.pid):
                os.kill(self.pid, number)
                time.sleep(1)
        shutil.rmtree(self.folder, ignore_errors=True)

    def bursar(self, *arguments):
        done = subprocess.run(
            (f"{self.bin}/bursar", *arguments), env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, timeout=60)
        if done.returncode != 0:
            fail(f"bursar {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout.decode().strip()

    def program(self, *arguments, is_right):
        return Program(f"{self.bin}/bursar", *arguments, environment=self.environment, is_right=is_right)

    def put(self, name, secret, **metadata):
        """Adds a credential; returns the nanoseconds it took."""
        body = json.dumps({"client_id": "benchmark", **metadata}).encode() + b"\0" + secret.encode()
        return self.link.request("PUT", f"/v1/credentials/{name}", body, "If-None-Match: *")[1]

    def add_one(self):
        self.count += 1
        return self.put(
            f"credential-{self.count:06d}", secrets.token_urlsafe(32), scopes=["read"],
            token_url="https://tokens.example/oauth2/token")

    def fill(self, count):
        start = time.monotonic()
        while self.count < count:
            self.add_one()
            if self.count % 5000 == 0:
                progress(f"  {self.count:,} of {count:,} credentials, {time.monotonic() - start:.0f} s")

    def read_one(self):
        name = f"credential-{generator.randint(1, self.count):06d}"
        body, taken = self.link.request("GET", f"/v1/credentials/{name}")
        if json.loads(body)["name"] != name:
            fail("the broker answered with another credential")
        return taken

    def unlock(self):
        """Locks, and unlocks; returns the nanoseconds that the latter took."""
        self.link.request("POST", "/v1/lock")
        return self.link.request("POST", "/v1/unlock", self.passphrase.encode())[1]

    def metric(self, name):
        """The value of a metric without labels."""
        text = self.link.request("GET", "/metrics")[0].decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def memory(self):
        """RssAnon and VmRSS, in bytes."""
        with open(f"/proc/{self.pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        return [int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "VmRSS")]


@contextlib.contextmanager
def background(*command, **options):
    """A process that ends when this does."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        for stop in (lambda: None, process.terminate, process.kill):
            stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        process.stdout.close()


@contextlib.contextmanager
def oidc_agent(folder, endpoint):
    """oidc-agent with one account whose token it has cached; yields that account's `oidc-token`.

    It has no client credentials grant, so the account has a refresh token; a cached token is paid out
    without either.
    """
    os.mkdir(folder, 0o700)
    path = os.path.join(folder, "agent.sock")
    environment = {"HOME": folder, "OIDC_CONFIG_DIR": folder, "OIDC_SOCK": path, "PATH": "/usr/bin:/bin"}
    phrase = os.path.join(folder, "phrase")
    write_private(phrase, secrets.token_urlsafe(24) + "\n")
    with background("oidc-agent", "--console", "--no-autoload", f"--socket-path={path}", env=environment):
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.05)
        made = subprocess.run(
            ("oidc-gen", "benchmark", f"--issuer=https://127.0.0.1:{endpoint['port']}/",
             "--client-id=benchmark", "--client-secret=benchmark", "--refresh-token=refresh",
             "--redirect-uri=http://localhost:4242", "--scope=openid offline_access",
             f"--cert-path={endpoint['ca_file']}", f"--pw-file={phrase}", "--prompt=none",
             "--confirm-default"),
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=30)
        token = subprocess.run(
            ("oidc-token", "benchmark"), env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, timeout=30).stdout.decode().strip()
        if not token:
            words = made.stdout.decode(errors="replace").split()
            raise OSError("it made no account: " + " ".join(words)[-200:])
        yield Program(
            "oidc-token", "benchmark", environment=environment, is_right=lambda text: text == token)
