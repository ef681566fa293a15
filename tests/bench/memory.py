#!/usr/bin/python3 -B
"""Question 3: memory. Of kube-canary by the number of peers, over time and during scrapes; what it asks of the kernel
and of the C library while it works; and beside fping, smokeping-prober and blackbox exporter.

    --long   after 10 minutes against after 1, rather than what the time allows (takes 11 minutes)
    --vm     only tests/vm/memory: 1 to 40 CPUs in a virtual machine (10 minutes and more)
"""
import json
import os
import pathlib
import re
import shutil
import sys
import threading
import time

from bench import (BUILD, TOP, Bar, BenchError, Blackbox, Canary, Hosts, Process, Row, command, everywhere, fields, fping,
                   main, program, smokeping)
from steady import CROWD, Allocations, memory_calls, scrape_all, scrape_crowd, start_program

KIB = 1024
RING_DEGREE = 16  # --mesh.degree, and of more peers than --mesh.full-below
FULL_BELOW = 64
PEERS = (1, 9, 100, 1000, 5000)
PEERS_QUICK = (100,)
OTHERS_PEERS = 100
SETTLE, SETTLE_QUICK = 6, 2  # seconds that it runs before it is measured, scrapes among them
SCRAPES, SCRAPES_FEW = 200, 35  # few where each is megabytes, and in a quick run
CROWDS_FIRST = 64  # until what so many connections take is kept
DNS = "--peers.dns=canaries.test"  # nobody answers; the resolver's memory counts
LONG = "--long" in sys.argv

BAR_PSS = Bar("<= 1 MiB PSS of both, 100 peers", 1024)
BAR_RSS = Bar("no process over 768 KiB RSS", 768)
BAR_MAPS = Bar("<= 256 KiB for all maps", 256)
BAR_PROBED = Bar("<= 2 KiB, user and kernel", 2048)
BAR_KNOWN = Bar("<= 64 bytes", 64)
BAR_CALLS = Bar("no brk, mmap or munmap", 0)
BAR_OURS = Bar("only libmicrohttpd, c-ares and zlib allocate", 0)
BAR_POOL = Bar("connection pool <= 32 KiB", 32 * KIB)
BAR_CPUS = Bar("the same on any number of CPUs, within 5 %", 5.0)
LIBRARIES = ("libmicrohttpd", "libcares", "libz")


class Charge:
    """A cgroup that the kernel counts memory for, of version 2 or 1; None where there is neither."""

    def __init__(self, name):
        self.group = None
        for root, current in (("/sys/fs/cgroup", "memory.current"), ("/sys/fs/cgroup/unified", "memory.current"),
                              ("/sys/fs/cgroup/memory", "memory.usage_in_bytes")):
            try:
                control = pathlib.Path(root, "cgroup.subtree_control")
                if control.exists() and "memory" in pathlib.Path(root, "cgroup.controllers").read_text().split():
                    control.write_text("+memory")
                group = pathlib.Path(root, name)
                group.mkdir()
            except OSError:
                continue
            self.current = group / current
            if self.current.exists():
                self.group = group
                return
            group.rmdir()

    def bytes(self):
        return int(self.current.read_text()) if self.group else None

    def kernel_bytes(self):
        """Of it, what is not the processes' own."""
        if not self.group:
            return None
        if self.current.name == "memory.current":
            return fields(self.group / "memory.stat").get("kernel")
        return int((self.group / "memory.kmem.usage_in_bytes").read_text())

    def close(self):
        if self.group:
            self.group.rmdir()


def maps_bytes(loader):
    """Of all maps of the programs that the loader holds, as the kernel accounts them."""
    programs, maps = set(), set()
    for name in os.listdir(f"/proc/{loader}/fdinfo"):
        found = re.search(r"^prog_id:\s*(\d+)", pathlib.Path(f"/proc/{loader}/fdinfo/{name}").read_text(), re.M)
        if found:
            programs.add(found[1])
    for one in programs:
        maps.update(str(one) for one in json.loads(command(["bpftool", "-j", "prog", "show", "id", one]))["map_ids"])
    return sum(json.loads(command(["bpftool", "-j", "map", "show", "id", one]))["bytes_memlock"] for one in maps)


class Footprint:
    """Of a running kube-canary, in bytes."""

    def __init__(self, canary, charge=None):
        loader, exporter = canary.process.pids()[:2]
        self.both = canary.process.memory()
        self.loader, self.exporter = canary.process.memory(loader), canary.process.memory(exporter)
        self.maps = maps_bytes(loader)
        self.charged = charge.bytes() if charge else None
        self.kernel = charge.kernel_bytes() if charge else None
        self.probed = canary.count("peers", state="probed")

    def note(self):
        kib = {name: f"{value / KIB:,.0f}" for name, value in (
            ("loader", self.loader["rss"]), ("exporter", self.exporter["rss"]), ("anonymous", self.both["anonymous"]),
            ("maps", self.maps))}
        text = (f"{self.probed:.0f} probed; RSS of loader {kib['loader']}, of exporter {kib['exporter']}; anonymous "
                f"{kib['anonymous']}; kernel maps {kib['maps']}")
        if self.charged is not None:
            text += f"; charged to its cgroup {self.charged / KIB:,.0f}"
            text += f", of it kernel {self.kernel / KIB:,.0f}" if self.kernel is not None else ""
        return text

    def own(self):
        """What is its alone: mapped pages of a file are shared with whoever else runs it."""
        return self.both["pss_anonymous"] + self.maps


def footprint(run, hosts, count, ring, known=None):
    """With that many peers, in the ring or all probed; `known`: so many have room, the rest of the file is comments."""
    degree = RING_DEGREE if ring and count > FULL_BELOW else None
    peers = hosts.targets(count) + ["# nobody"] * ((known or count) - count)
    charge = Charge(f"kc-bench-memory-{os.getpid()}")
    canary = Canary(hosts, peers, DNS, protocol="stamp", degree=degree, cgroup=charge.group)
    settle = SETTLE_QUICK if run.quick else SETTLE
    time.sleep(settle / 2)
    scrape_all(canary)
    time.sleep(settle / 2)
    result = Footprint(canary, charge)
    canary.stop()
    charge.close()
    run.say(f"{count:,} peers, {result.probed:.0f} probed: PSS {result.both['pss'] / KIB:,.0f} kB")
    return result


def size_rows(run, hosts):
    found = {}
    for count in PEERS_QUICK if run.quick else PEERS:
        found[count, True] = footprint(run, hosts, count, True)
        if count > FULL_BELOW:
            found[count, False] = footprint(run, hosts, count, False)
    for (count, ring), one in found.items():
        bar = BAR_PSS if count == 100 else None
        yield Row(f"PSS of both, {count:,} peers{'' if ring else ', all probed'}", "kube-canary", round(one.both["pss"] / KIB),
                  "kB", bar=bar, note=one.note())
    hundred = found[100, True]
    for what, these in (("RSS, 100 peers", hundred), ("RSS, 100 peers, all probed", found[100, False])):
        for name, one in (("loader", these.loader), ("exporter", these.exporter)):
            yield Row(what, f"kube-canary, {name}", round(one["rss"] / KIB), "kB", bar=BAR_RSS)
    yield Row("RSS, 100 peers", "kube-canary, both", round(hundred.both["rss"] / KIB), "kB", note="what they share counted twice")
    yield Row("kernel maps, --probe.max=128", "kube-canary", round(hundred.maps / KIB), "KiB", bar=BAR_MAPS)
    if not run.quick:
        probed = (found[5000, False].own() - found[1000, False].own()) / 4000
        yield Row("every further probed peer", "kube-canary", round(probed), "bytes", bar=BAR_PROBED,
                  note="of 5,000 against 1,000, all probed; anonymous pages and maps")
        few = footprint(run, hosts, 100, True, known=5000)
        yield Row("every further known peer", "kube-canary", round((found[5000, True].own() - few.own()) / 4900), "bytes",
                  bar=BAR_KNOWN, note="of 5,000 against 100, with the same --peers.max, 16 probed")


# --- one that runs all the while

def start_long(hosts):
    """A copy, so that it does not share its pages with those that are measured meanwhile."""
    copy = hosts.scratch / "long-runner"
    shutil.copy(program(), copy)
    canary = start_program(copy, hosts, hosts.targets(100), DNS, protocol="stamp", degree=RING_DEGREE, port=10863)
    canary.began = time.monotonic()
    return canary


def wait_until(canary, seconds):
    """Since it was started."""
    time.sleep(max(0.0, canary.began + seconds - time.monotonic()))


def time_rows(run, canary, first, first_at, at):
    wait_until(canary, at)
    ran, last = time.monotonic() - canary.began, Footprint(canary)
    run.say(f"after {ran:.0f} s: PSS {last.both['pss'] / KIB:,.0f} kB")
    yield Row(f"PSS after {ran:.0f} s against after {first_at} s, 100 peers, scraped now and then", "kube-canary",
              (last.both["pss"] - first.both["pss"]) / KIB, "kB more", note=f"{first.both['pss'] / KIB:,.0f} and "
              f"{last.both['pss'] / KIB:,.0f} kB; anonymous {first.both['anonymous'] / KIB:,.0f} and "
              f"{last.both['anonymous'] / KIB:,.0f}")


def scrape_row(canary, what, scrapes):
    """The greatest that the exporter had at any moment of so many scrapes, by all formats in turn."""
    exporter = Process(canary.process.pids()[1])
    scrape_all(canary)  # the first ones touch pages that are kept
    before, greatest, ended = exporter.memory(), [0, 0], threading.Event()

    def watch():
        while not ended.is_set():
            now = exporter.memory()
            greatest[0], greatest[1] = max(greatest[0], now["rss"]), max(greatest[1], now["anonymous"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(scrapes // 7):  # scrape_all makes seven requests
        scrape_all(canary)
    ended.set()
    watcher.join()
    after = exporter.memory()
    return Row(f"RSS at most during {scrapes // 7 * 7} requests of all formats, {what}", "kube-canary, exporter",
               (greatest[0] - before["rss"]) / KIB, "kB more than before",
               note=f"{before['rss'] / KIB:,.0f} before, {greatest[0] / KIB:,.0f} at most, {after['rss'] / KIB:,.0f} after; "
               f"anonymous {before['anonymous'] / KIB:,.0f}, {greatest[1] / KIB:,.0f}, {after['anonymous'] / KIB:,.0f} kB")


def steady_row(canary, seconds, what, bar=None, scrape=scrape_all):
    """madvise is told, but neither maps nor unmaps: free() of the C library gives pages back by it."""
    calls, scrapes, served = memory_calls(canary, seconds, scrape)
    return Row(f"brk, mmap, munmap in {seconds} s of steady state, {what}", "kube-canary",
               sum(count for name, count in calls.items() if name != "madvise"), "calls", bar=bar,
               note=f"both processes, {scrapes} times scraped "
               f"{'by all formats' if scrape is scrape_all else f'at once, {served} documents had'}; " +
               (", ".join(f"{count} {name}" for name, count in calls.items()) or "none by strace -e trace=%memory"))


def steady_rows(run, hosts, long_runner):
    count = 100 if run.quick else 5000
    large = Canary(hosts, hosts.targets(count), DNS, protocol="stamp")
    time.sleep(1.5 if run.quick else 8)
    what = f"{count:,} peers, all probed"
    yield scrape_row(large, what, SCRAPES_FEW)
    yield steady_row(large, 2 if run.quick else 8, what, BAR_CALLS)
    large.stop()
    if long_runner:
        yield scrape_row(long_runner, "100 peers", SCRAPES)
        yield steady_row(long_runner, 30, "100 peers", BAR_CALLS)
        for _ in range(CROWDS_FIRST):
            scrape_crowd(long_runner)
        yield steady_row(long_runner, 5, f"100 peers, {CROWD} scrapers at once", BAR_CALLS, scrape_crowd)
        yield crowd_row(long_runner)


def crowd_row(canary):
    """Right after: what many connections at once took goes as they go."""
    found = Footprint(canary)
    return Row(f"PSS of both, 100 peers, after {CROWDS_FIRST} times {CROWD} scrapers at once", "kube-canary",
               round(found.both["pss"] / KIB), "kB", bar=BAR_PSS, note=found.note())


def allocation_rows(run, hosts):
    counted = Allocations(hosts, hosts.targets(100), DNS, protocol="stamp", degree=RING_DEGREE)
    time.sleep(1 if run.quick else 5)
    scrape_all(counted.canary)

    def work():
        for _ in range(2 if run.quick else 8):
            scrape_all(counted.canary)
            time.sleep(0.5)

    found = {name: one for name, one in counted.during(work).items() if one["allocations"] or one["frees"]}
    counted.canary.stop()
    others = sum(one["allocations"] for name, one in found.items() if name not in LIBRARIES)
    yield Row("allocations in steady state, of others than the libraries", "kube-canary, development build", others, "",
              bar=BAR_OURS, note=", ".join(name for name in found if name not in LIBRARIES))
    for name, one in sorted(found.items()):
        yield Row("allocations in steady state", name, one["allocations"], "", note=f"{one['bytes'] / KIB:,.0f} KiB, "
                  f"{(one['bytes'] - one['freed']) / KIB:,.1f} of it kept; {one['largest'] / KIB:,.1f} KiB at once at most")
    if "libmicrohttpd" in found:
        yield Row("largest piece at once", "libmicrohttpd", found["libmicrohttpd"]["largest"], "bytes", bar=BAR_POOL)


# --- beside others

def other_rows(run, hosts, ours):
    targets, found = hosts.targets(OTHERS_PEERS), {}
    settle = 1 if run.quick else 8
    process = fping(hosts, targets, 0)
    time.sleep(settle)
    found["fping"] = process.memory()
    process.stop()
    server = smokeping(hosts, targets)
    time.sleep(settle)
    server.scrape()
    found["smokeping-prober"] = server.process.memory()
    server.stop()
    blackbox = Blackbox(hosts)
    for target in targets:
        blackbox.probe(target)
    found["blackbox exporter"] = blackbox.process.memory()
    blackbox.stop()
    for name, memory in found.items():
        yield Row(f"RSS, {OTHERS_PEERS} targets", f"{name} / kube-canary", memory["rss"] / ours, "x",
                  note="kube-canary: RSS of both processes, what they share counted twice")
        yield Row(f"RSS, {OTHERS_PEERS} targets", name, round(memory["rss"] / KIB), "kB",
                  note=f"PSS {memory['pss'] / KIB:,.0f}, anonymous {memory['anonymous'] / KIB:,.0f}")


def measure(run):
    with Hosts() as hosts:
        everywhere(hosts)
        first_at, at = (10, 0) if run.quick else (60, 600 if LONG else 180)
        long_runner = None if run.quick else start_long(hosts)
        rows = list(size_rows(run, hosts))
        ours = next(row.value * KIB for row in rows if row.who == "kube-canary, both")
        first = None
        if long_runner:
            scrape_all(long_runner)
            wait_until(long_runner, first_at)
            first, first_at = Footprint(long_runner), round(time.monotonic() - long_runner.began)
        rows += other_rows(run, hosts, ours)
        rows += allocation_rows(run, hosts)
        rows += steady_rows(run, hosts, long_runner)
        if long_runner:
            rows += time_rows(run, long_runner, first, first_at, at)
    return rows, [
        "After some seconds and scrapes of all formats. PSS counts mapped pages once; the kernel's maps are partly mapped, and "
        "so in both. RSS, PSS, anonymous: /proc/PID/smaps_rollup; maps: bytes_memlock of bpftool. All figures in notes: kB.",
        "Charged to its cgroup: " + ("as the kernel counts (sockets, page tables, maps, and pages of files that it was the first "
                                     "to read); in steps, of each CPU" if charge_known() else "no memory controller here."),
        f"{CROWD} scrapers at once: counted after {CROWDS_FIRST} such crowds, by which the C library keeps what they take.",
        "Peers are one process behind one next hop. The ring: 16 of them are probed; all: --probe.max and --mesh.full-below.",
    ]


def charge_known():
    charge = Charge(f"kc-bench-charge-{os.getpid()}")
    charge.close()
    return charge.group is not None


def measure_vm(run):
    text = command([TOP / "tests/vm/memory"], env={**os.environ, "BUILD": str(BUILD), "KUBE_CANARY": str(program())})
    rows = []
    for cpus, loader, exporter, _, _, pss, maps in re.findall(r"^\| (\d+)" + r" \| (\d+)" * 6 + r" \|$", text, re.M):
        rows.append(Row(f"PSS of both, 100 peers, {cpus} CPUs", "kube-canary", int(pss), "kB",
                        note=f"RSS of loader {loader}, of exporter {exporter}, kernel maps {maps}"))
    if not rows:
        raise BenchError(f"tests/vm/memory tells no figures: {text[-300:]}")
    pss = [row.value for row in rows]
    rows.insert(0, Row("PSS of both, most against least", "kube-canary", 100 * (max(pss) / min(pss) - 1), "%", bar=BAR_CPUS))
    run.say("all machines measured")
    return rows, ["Emulated machines, Linux 6.1, at addresses that are not randomised (tests/vm/memory)."]


if __name__ == "__main__":
    VM = "--vm" in sys.argv
    sys.argv = [word for word in sys.argv if word not in ("--vm", "--long")]
    if VM:
        main("memory-vm", measure_vm, budget=1800, budget_quick=600)
    else:
        main("memory", measure, budget=660 if LONG else 210, budget_quick=20)
