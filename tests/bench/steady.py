"""What a kube-canary does with memory while it works: system calls by strace, allocations by allocations.c.

Needs a running Canary of bench.py; knows no figures of others.
"""
import collections
import http.client
import itertools
import os
import re
import signal
import struct
import subprocess
import time

from bench import BUILD, BenchError, Canary, FORMATS, helper
from tools import Connection

CALLER = struct.Struct("6Q")  # struct caller of allocations.c
CALLS_SLACK = 0.3  # seconds that strace takes to attach
CROWD = 16  # HTTP_CONNECTIONS of include/http.h


def scrape_all(canary):
    """Every format, each also compressed, and the API."""
    for accept in FORMATS:
        canary.scrape(accept)
        canary.scrape(accept, compressed=True)
    canary.api("peers")


def scrape_crowd(canary):
    """As many as are let in, all connected before the first asks; most are told that there are too many documents, which
    is an answer too, as is the end where one of the crowd before was still there. How many had their document."""
    crowd = [Connection(canary.hosts, canary.where, canary.port) for _ in range(CROWD)]
    for one in crowd:
        one.connect()
    served = 0
    for step in (lambda one, accept: one.request("GET", "/metrics", headers={"Accept": accept, "Connection": "close"}), answered):
        for one, accept in zip(crowd, itertools.cycle(FORMATS.values())):
            try:
                served += step(one, accept) or 0
            except (OSError, http.client.HTTPException):
                pass
    for one in crowd:
        one.close()
    if served == 0:
        raise BenchError(f"of {CROWD} scrapers at once none had its document")
    return served


def answered(connection, _):
    """Whether with the document."""
    response = connection.getresponse()
    return response.read() != b"" and response.status == 200


def memory_calls(canary, seconds, scrape=scrape_all):
    """{system call: times} of both processes, of those that change what is mapped, while it is scraped; and how often it
    was; and how many documents of several at once were had."""
    log = canary.hosts.scratch / "strace.log"
    pids = [word for pid in canary.process.pids() for word in ("-p", str(pid))]
    strace = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=%memory", "-o", log, *pids], stderr=subprocess.PIPE)
    time.sleep(CALLS_SLACK)
    if strace.poll() is not None:
        raise BenchError(f"strace: {strace.stderr.read().decode().strip()}")
    end, scrapes, served = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        served += scrape(canary) or 0
        scrapes += 1
        time.sleep(min(0.5, seconds / 4))
    strace.send_signal(signal.SIGINT)
    strace.wait()
    return collections.Counter(re.findall(r"^\d+ +([a-z_0-9]+)\(", log.read_text(), re.M)), scrapes, served


def modules_of(pid):
    """[(from, to, name)] of what is mapped from files."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as lines:
        for line in lines:
            words = line.split(maxsplit=5)
            if len(words) == 6 and words[5].startswith("/"):
                begin, end = (int(one, 16) for one in words[0].split("-"))
                found.append((begin, end, re.sub(r"\.so.*", "", os.path.basename(words[5].strip()))))
    return found


class Allocations:
    """A kube-canary of the development build (dynamic, so that its libraries can be told apart), whose allocations are
    counted by module. The places of its modules are the same in both processes."""

    FIELDS = ("allocations", "frees", "bytes", "freed", "largest")

    def __init__(self, hosts, peers, *options, **start):
        self.file = hosts.scratch / "allocations"
        preload = helper("allocations.so")
        self.canary = start_program(BUILD / "kube-canary", hosts, peers, *options,
                                    env={"LD_PRELOAD": str(preload), "ALLOCATIONS": str(self.file)}, **start)
        self.modules = modules_of(self.canary.process.pid)

    def read(self):
        """{module: {field: number}} since the start."""
        result = collections.defaultdict(lambda: dict.fromkeys(self.FIELDS, 0))
        for address, *numbers in CALLER.iter_unpack(self.file.read_bytes()):
            if not address:
                continue
            name = next((name for begin, end, name in self.modules if begin <= address < end), "?")
            for field, number in zip(self.FIELDS, numbers):
                total = result[name]
                total[field] = max(total[field], number) if field == "largest" else total[field] + number
        return result

    def during(self, work):
        """The same for what work() lasts. Of `largest` only what is known since the start."""
        before = self.read()
        work()
        after = self.read()
        return {name: {field: value - (before[name][field] if field != "largest" else 0) for field, value in one.items()}
                for name, one in after.items()}


def start_program(path, hosts, peers, *options, **start):
    """A Canary of another program than the one that is measured."""
    before = os.environ.get("KUBE_CANARY")
    os.environ["KUBE_CANARY"] = str(path)
    try:
        return Canary(hosts, peers, *options, **start)
    finally:
        if before is None:
            del os.environ["KUBE_CANARY"]
        else:
            os.environ["KUBE_CANARY"] = before
