"""Starters: kube-canary and the programs that it is compared with, each in a namespace of Hosts.

Knows how they are told what to do and where they tell what they found; not what is made of it.
"""
import ctypes
import gzip
import http.client
import json
import os
import pathlib
import re
import socket
import threading

import metrics
from hosts import BenchError, FAR_ADDRESS, NEAR_ADDRESS, Process, eventually
from table import TOP

BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
CLONE_NEWNET = 0x40000000
PROTOBUF = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
FORMATS = {"text": "text/plain", "openmetrics": "application/openmetrics-text", "protobuf": PROTOBUF}


def program():
    """The release build, which is what users run; $KUBE_CANARY for another."""
    path = pathlib.Path(os.environ.get("KUBE_CANARY", TOP / "build/release/kube-canary"))
    if not os.access(path, os.X_OK):
        raise BenchError(f"{path}: not there; `make release` builds it, or set KUBE_CANARY")
    return path


def helper(name):
    """A helper of the end-to-end tests or of the benchmark, built by make."""
    for folder in ("e2e", "bench"):
        path = BUILD / "tests" / folder / name
        if os.access(path, os.X_OK):
            return path
    raise BenchError(f"{name}: not in {BUILD}/tests; `make tools` builds it")


def inside(hosts, where, work):
    """What work() returns, called by a thread that is in that network namespace."""
    result = []

    def call():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{hosts.names[where]}", "rb") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            result.append((work(), None))
        except Exception as error:  # pylint: disable=broad-except # handed over to who called
            result.append((None, error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


class Connection(http.client.HTTPConnection):
    """To a server on loopback of a namespace."""

    def __init__(self, hosts, where, port, timeout=30):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.hosts, self.where = hosts, where

    def connect(self):
        self.sock = inside(self.hosts, self.where, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


def http_get(hosts, where, port, path, headers=None, timeout=30):
    """(status, headers, body as it came: compressed if that was asked for)."""
    connection = Connection(hosts, where, port, timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Server:
    """A process that answers HTTP on loopback of its namespace."""

    def __init__(self, hosts, where, port, process):
        self.hosts, self.where, self.port, self.process = hosts, where, port, process

    def get(self, path, headers=None, timeout=30):
        return http_get(self.hosts, self.where, self.port, path, headers, timeout)

    def ready(self, path):
        if self.process.ended():
            raise BenchError(f"{self.process.argv[0]} ended: {self.process.last_words()}")
        try:
            return self.get(path, timeout=5)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, path, seconds):
        eventually(seconds, lambda: self.ready(path), f"{self.process.argv[0]} answers 200 to {path}", pause=0.05)
        return self

    def scrape(self, accept="text/plain", compressed=False, path="/metrics"):
        """The body of a scrape; decompressed here if it came compressed."""
        headers = {"Accept": FORMATS.get(accept, accept)} | ({"Accept-Encoding": "gzip"} if compressed else {})
        status, answered, body = self.get(path, headers, timeout=60)
        if status != 200:
            raise BenchError(f"{self.process.argv[0]}: status {status} to a scrape")
        return gzip.decompress(body) if answered.get("Content-Encoding") == "gzip" else body

    def metrics(self):
        return metrics.parse(self.scrape().decode())

    def stop(self):
        return self.process.stop()


class Canary(Server):
    """kube-canary in a namespace, once it is ready. `peers` are lines of a peers file, all of them probed unless
    `degree` says how many of them; `probe_max` and so the memory are sized for what is probed, 128 at least."""

    def __init__(self, hosts, peers, *options, where="near", protocol="icmp", degree=None, probe_max=None, cgroup=None,
                 log=None, log_level="warn", port=10862, seconds=20, wait=True, under=(), **start):
        file = hosts.scratch / f"peers-{where}-{len(hosts.processes)}"
        file.write_text("".join(f"{peer}\n" for peer in peers))
        file.chmod(0o644)
        probed = len(peers) if degree is None else degree
        mesh = ([f"--mesh.full-below={len(peers)}"] if degree is None
                else ["--mesh.full-below=0", f"--mesh.degree={degree}"])
        argv = [*under, program(), f"--peers.file={file}", f"--peers.max={max(2048, len(peers))}",
                f"--probe.max={probe_max or max(128, probed)}", *mesh, f"--probe.protocol={protocol}",
                f"--log.level={log_level}", f"--web.listen-address=127.0.0.1:{port}", f"--node.name=bench-{where}",
                *options]
        self.peers = list(peers)
        super().__init__(hosts, where, port, hosts.start(where, argv, cgroup=cgroup, log=log, **start))
        if wait:
            self.wait_ready("/-/ready", seconds)

    def api(self, what):
        """`peers` or `status`."""
        status, _, body = self.get(f"/api/v1/{what}", timeout=60)
        if status != 200:
            raise BenchError(f"kube-canary: status {status} to the API")
        return json.loads(body)

    def count(self, name, **labels):
        """Of a counter or gauge such as probes_sent_total, over all series."""
        return metrics.total(self.metrics(), f"kube_canary_{name}", **labels)

    def loader(self):
        return Process(self.process.pid)

    def exporter(self):
        """The unprivileged child alone, with figures of its own."""
        return Process(self.process.pids()[1])


def everywhere(hosts, where="far"):
    """A STAMP reflector of the tests in user space, one process that answers at all addresses."""
    file = hosts.scratch / f"everywhere-{len(hosts.processes)}"
    process = hosts.start(where, [helper("everywhere"), file])
    eventually(5, file.exists, "the reflector starts")
    return process


def reflector(hosts, **start):
    """A kube-canary on the far side that probes nobody and reflects for the near one, in the kernel. Hosts(real=N)
    gives it the addresses."""
    return Canary(hosts, [NEAR_ADDRESS], where="far", protocol="stamp", degree=0, **start)


# --- those to compare with

def targets_file(hosts, targets):
    file = hosts.scratch / f"targets-{len(hosts.processes)}"
    file.write_text("".join(f"{target}\n" for target in targets))
    return file


def ping(hosts, target, count, interval=1.0, **start):
    """One process for one target. ping_rtts() reads its log once it has ended."""
    return hosts.start("near", ["ping", "-n", "-s", "56", "-c", count, "-i", f"{interval:g}", "-W", "1", target], **start)


def ping_rtts(process):
    """{sequence: seconds}."""
    text = process.log.read_text()
    return {int(sequence): float(ms) / 1000
            for sequence, ms in re.findall(r"icmp_seq=(\d+) ttl=\d+ time=([0-9.]+) ms$", text, re.M)}


def fping(hosts, targets, count, period=1.0, **start):
    """One process for all targets, each `count` times (0: until it is stopped). The least gap between two packets is
    what lets all of them go within the period, 1 ms at least as fping wants it without -i 0."""
    gap = max(0.0, min(10.0, period * 1000 / len(targets) * 0.9))
    amount = ["-C", count] if count else ["-l"]
    return hosts.start("near", ["fping", "-q", *amount, "-p", f"{period * 1000:.0f}", "-i", f"{gap:.3g}", "-t", "1000",
                                "-f", targets_file(hosts, targets)], **start)


def fping_rtts(process):
    """{target: [seconds, or None if it was missed]}, in the order of sending."""
    result = {}
    for line in process.log.read_text().splitlines():
        target, colon, rest = line.partition(" : ")
        if colon and re.fullmatch(r"[0-9.]+ *", target):
            result[target.strip()] = [None if word == "-" else float(word) / 1000 for word in rest.split()]
    return result


SMOKEPING_PORT, BLACKBOX_PORT = 9374, 9115


def smokeping(hosts, targets, interval="1s", buckets=None, seconds=20, log_level="error", wait=True, **start):
    argv = ["prometheus-smokeping-prober", "--privileged", f"--ping.interval={interval}",
            f"--web.listen-address=127.0.0.1:{SMOKEPING_PORT}", f"--log.level={log_level}"]
    if buckets:
        argv.append("--buckets=" + ",".join(f"{bound:.9g}" for bound in buckets))
    process = hosts.start("near", [*argv, *targets], **start)
    server = Server(hosts, "near", SMOKEPING_PORT, process)
    return server.wait_ready("/metrics", seconds) if wait else server


class Blackbox(Server):
    """prometheus-blackbox-exporter, whose every probe is a request of a scraper's."""

    CONFIG = "modules:\n  icmp:\n    prober: icmp\n    timeout: 1s\n    icmp:\n      preferred_ip_protocol: ip4\n"

    def __init__(self, hosts, seconds=20, **start):
        file = hosts.scratch / "blackbox.yml"
        file.write_text(self.CONFIG)
        argv = ["prometheus-blackbox-exporter", f"--config.file={file}", "--log.level=error",
                f"--web.listen-address=127.0.0.1:{BLACKBOX_PORT}"]
        super().__init__(hosts, "near", BLACKBOX_PORT, hosts.start("near", argv, **start))
        self.wait_ready("/-/healthy", seconds)

    def probe(self, target):
        """(RTT in seconds by its own account, or None if it was lost; the whole probe's duration)."""
        status, _, body = self.get(f"/probe?module=icmp&target={target}", timeout=60)
        if status != 200:
            raise BenchError(f"blackbox exporter: status {status}")
        samples = metrics.parse(body.decode())
        rtt = metrics.total(samples, "probe_icmp_duration_seconds", phase="rtt")
        found = metrics.total(samples, "probe_success") == 1
        return (rtt if found else None), metrics.total(samples, "probe_duration_seconds")


__all__ = ["Blackbox", "Canary", "Connection", "FAR_ADDRESS", "FORMATS", "Server", "everywhere", "fping", "fping_rtts",
           "helper", "http_get", "inside", "ping", "ping_rtts", "program", "reflector", "smokeping"]
