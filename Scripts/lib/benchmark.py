"""The measurements of Scripts/benchmark.

Whatever is compared runs in the same rounds, so that the machine's noise hits all alike; what is told is
medians. Vaults and state lie in memory where there is room, so that a disk's syncs hide no difference.
"""

import argparse
import contextlib
import gc
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import benchmark_load
from benchmark_contenders import (
    Broker, Program, background, fail, interleaved, oidc_agent, progress, warm_up, write_private)

here = os.path.dirname(os.path.abspath(__file__))


def compile_programs(folder):
    def gcc(*arguments):
        subprocess.run(("gcc", "-O2", "-Wall", "-Wextra", *arguments), cwd=folder, check=True)
    gcc("-o", "client", f"{here}/benchmark_client.c")
    gcc("-static", "-o", "client-static", f"{here}/benchmark_client.c")
    gcc("-o", "pwhash", f"{here}/benchmark_pwhash.c", "-lsodium")


class Table:
    def __init__(self):
        self.rows, self.notes = [], []

    def add(self, what, value, other, other_value, target=None):
        ratio = value / other_value
        self.row(what, f"{value / 1e6:.3f} ms", other, f"{other_value / 1e6:.3f} ms", f"{ratio:.3f}",
                 ratio, target)

    def row(self, what, value, other="", other_value="", ratio="", measured=None, target=None, unit=""):
        verdict = "" if target is None else "yes" if measured <= target else "**no**"
        aim = "" if target is None else f"≤ {target:g}{unit}"
        self.rows.append((what, value, other, other_value, ratio, aim, verdict))

    def megabytes(self, what, byte_count, target=None):
        self.row(what, f"{byte_count / 1e6:.2f} MB", measured=byte_count / 1e6, target=target, unit=" MB")

    def text(self):
        head = ("measured", "Bursar", "compared with", "which takes", "ratio", "target", "met")
        lines = [head, ("---", "---:", "---", "---:", "---:", "---:", "---"), *self.rows]
        return "\n".join(
            ["| " + " | ".join(line) + " |" for line in lines] + [""] + [f"- {note}" for note in self.notes])


class Benchmark:
    def __init__(self, bin, is_quick, programs, vaults, endpoint):
        self.bin, self.programs, self.vaults, self.endpoint = bin, programs, vaults, endpoint
        self.large = 10_000 if is_quick else 100_000
        self.rounds = {
            "warm": 100 if is_quick else 500, "script": 30, "cold": 60 if is_quick else 200,
            "unlock": 30, "read": 300 if is_quick else 2000, "add": 100 if is_quick else 500}
        self.table = Table()

    def broker(self, name):
        return Broker(os.path.join(self.vaults, name), self.bin)

    def credential(self, broker, name, path):
        """A credential of the endpoint; returns the form that it is sent."""
        with open(self.endpoint["ca_file"]) as file:
            ca = file.read()
        secret = secrets.token_urlsafe(32)
        broker.put(name, secret, auth="client_secret_post", ca_certificates=ca, token_url=self.url(path))
        return f"grant_type=client_credentials&client_id=benchmark&client_secret={secret}"

    def url(self, path):
        return f"https://127.0.0.1:{self.endpoint['port']}/{path}"

    def file(self, name, text):
        path = os.path.join(self.programs, name)
        write_private(path, text)
        return path

    def run(self):
        with self.broker("tokens") as broker:
            form = self.credential(broker, "benchmark", "token")
            self.warm(broker)
            self.script(broker, form.rpartition("=")[2])
            self.cold(broker, "benchmark", form, "token", "", 1.1)
            form = self.credential(broker, "closing", "close")
            self.cold(broker, "closing", form, "close", ", by a server that keeps no connection")
        self.unlock()
        self.large_vault()
        benchmark_load.measure(self)
        self.sizes()

    def warm(self, broker):
        progress("warm tokens")
        token = broker.bursar("token", "get", "benchmark")
        options = {"environment": broker.environment, "is_right": lambda text: text == token}
        contenders = {
            "C client": (Program(f"{self.programs}/client", broker.socket, "benchmark", **options), 1.45),
            "C client, static":
                (Program(f"{self.programs}/client-static", broker.socket, "benchmark", **options), None),
            "curl, the broker's socket":
                (Program("curl", "-sS", "--unix-socket", broker.socket, "-H", "Accept: text/plain",
                         "http://bursar/v1/credentials/benchmark/token", **options), None),
        }
        with contextlib.ExitStack() as stack:
            try:
                peer = stack.enter_context(oidc_agent(os.path.join(self.vaults, "agent"), self.endpoint))
                contenders["`oidc-token`"] = (peer, 0.8)
            except (OSError, subprocess.SubprocessError) as error:
                self.table.notes.append(f"`oidc-token` was left out: {error}")
            own = broker.program("token", "get", "benchmark", is_right=options["is_right"])
            medians = interleaved(
                self.rounds["warm"], [own] + [contender for contender, _ in contenders.values()])
        for (other, (_, target)), median in zip(contenders.items(), medians[1:]):
            self.table.add("`bursar token get`, warm", medians[0], other, median, target)

    def script(self, broker, secret):
        progress("requests-oauthlib")
        token = broker.bursar("token", "get", "benchmark")
        medians = interleaved(self.rounds["script"], [
            broker.program("token", "get", "benchmark", is_right=lambda text: text == token),
            Program("/usr/bin/python3", f"{here}/benchmark_oauthlib.py", self.url("token"),
                    self.endpoint["ca_file"], self.file("secret", secret),
                    environment=broker.environment, is_right=lambda text: len(text) > 500)])
        self.table.add("`bursar token get`, warm", medians[0], "script with requests-oauthlib", medians[1])

    def cold(self, broker, name, form, path, words, target=None):
        progress("new tokens" + words)
        seen = set()

        def is_new(text):
            if len(text) < 500 or text in seen:
                return False
            seen.add(text)
            return True
        medians = interleaved(self.rounds["cold"], [
            broker.program("token", "get", "--fresh", name, is_right=is_new),
            Program("curl", "-sS", "--cacert", self.endpoint["ca_file"], "--data",
                    f"@{self.file('form', form)}", self.url(path), environment=broker.environment,
                    is_right=is_new)])
        self.table.add(f"`bursar token get --fresh`{words}", medians[0], "curl, the same form", medians[1],
                       target)

    def unlock(self):
        progress("unlocking")
        counts = (10, 1000, 10_000)
        with contextlib.ExitStack() as stack:
            brokers = [stack.enter_context(self.broker(f"unlock-{count}")) for count in counts]
            for broker, count in zip(brokers, counts):
                broker.fill(count)
            bare = stack.enter_context(background(f"{self.programs}/pwhash"))

            def derive():
                bare.stdin.write(b"\n")
                bare.stdin.flush()
                return int(bare.stdout.readline())
            medians = interleaved(self.rounds["unlock"], [broker.unlock for broker in brokers] + [derive])
        for count, median in zip(counts, medians):
            self.table.add(f"`POST /v1/unlock`, {count:,} credentials", median,
                           "crypto_pwhash, MODERATE, bare", medians[-1], 1.1)

    def large_vault(self):
        reserved = self.rounds["add"] + warm_up(self.rounds["add"])
        progress(f"filling a vault with {self.large:,} credentials")
        with self.broker("large") as large:
            start = time.monotonic()
            large.fill(self.large - reserved)
            each = (time.monotonic() - start) / large.count
            progress("adding")
            with self.broker("empty") as empty:
                before = large.link.reconnects
                medians = interleaved(self.rounds["add"], [large.add_one, empty.add_one])
                closings = large.link.reconnects - before
            self.table.add(
                f"adding the last credentials of {self.large:,}", medians[0], "the first of a new vault",
                medians[1], 1.5)
            if closings:
                self.table.notes.append(
                    "The answer to each PUT with a secret closes its connection; the next is made before "
                    "the time is taken, which is from the request's first byte to the answer's last.")
            progress("reading")
            with self.broker("small") as small:
                small.fill(10)
                medians = interleaved(self.rounds["read"], [large.read_one, small.read_one])
            self.table.add(f"reading one credential of {self.large:,}", medians[0], "of 10", medians[1], 1.2)
            size = sum(os.path.getsize(os.path.join(folder, file))
                       for folder, _, files in os.walk(large.folder) for file in files)
            self.table.notes.append(
                f"{self.large:,} credentials: {size / 1e6:.0f} MB in files, filled at {each * 1e3:.2f} ms "
                f"each, connections included; RssAnon then {large.memory()[0] / 1e6:.1f} MB.")

    def sizes(self):
        progress("memory")
        with self.broker("idle") as broker:
            self.credential(broker, "benchmark", "token")
            for _ in range(50):
                broker.bursar("token", "get", "benchmark", "--fresh")
                broker.bursar("token", "get", "benchmark")
            time.sleep(3)
            anonymous, resident = broker.memory()
        self.table.megabytes("`bursard`, idle after 100 tokens, half of them new: RssAnon", anonymous, 10)
        self.table.megabytes("the same, resident size", resident)
        for name in ("bursar", "bursard"):
            copy = os.path.join(self.programs, name)
            shutil.copyfile(os.path.join(self.bin, name), copy)
            subprocess.run(("strip", copy), check=True)
            self.table.megabytes(f"`{name}`, stripped", os.path.getsize(copy))


def memory_folder(byte_count):
    """Where vaults are put: memory, if it has room; else the usual scratch folder."""
    with contextlib.suppress(OSError):
        room = os.statvfs("/dev/shm")
        if os.access("/dev/shm", os.W_OK) and room.f_bavail * room.f_frsize >= byte_count:
            return "/dev/shm"
    return tempfile.gettempdir()


def end(number, _):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description="See Scripts/benchmark.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("bin")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    load = os.getloadavg()[0]
    started = time.monotonic()
    base = memory_folder(2 << 30)
    with contextlib.ExitStack() as stack:
        scratch = [stack.enter_context(tempfile.TemporaryDirectory(prefix="bursar-benchmark-", dir=folder))
                   for folder in (tempfile.gettempdir(), base)]
        compile_programs(scratch[0])
        endpoint = stack.enter_context(
            background("/usr/bin/python3", "-B", f"{here}/benchmark_endpoint.py", scratch[0]))
        line = endpoint.stdout.readline()
        if not line:
            fail("the token endpoint did not start")
        benchmark = Benchmark(arguments.bin, arguments.quick, *scratch, json.loads(line))
        gc.disable()
        benchmark.run()
    rounds = ", ".join(f"{name} {count}" for name, count in benchmark.rounds.items())
    benchmark.table.notes += [
        f"Medians of interleaved rounds ({rounds}); vaults in {base}; "
        f"{time.monotonic() - started:.0f} s in all.",
        f"{os.cpu_count()} processors, {platform.machine()}, Linux {platform.release()}; load average at the "
        f"start {load:.1f}" + (": not idle, so take the ratios with salt." if load > 0.5 else "."),
    ]
    print(benchmark.table.text())


main()
