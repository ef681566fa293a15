#!/usr/bin/python3 -B
"""Question 6: what a scrape costs: time, CPU, octets and memory, per format, at 100 and 5,000 peers.

Against smokeping-prober at 100; and whether probes keep their pace meanwhile.
"""
import gzip
import time

from bench import (Bar, BenchError, Canary, FORMATS, Hosts, Row, everywhere, fields, main, median, metrics, smokeping,
                   spread)

BAR_CPU = Bar("5,000 peers: <= 100 ms of CPU", 100)
BAR_MEMORY = Bar("5,000 peers: no memory growth", 0)
BAR_PACE = Bar("5,000 peers: probes keep their pace", 2)
BAR_LOST = Bar("5,000 peers: probes keep their pace", 0)
WAYS = [(name, compressed) for name in FORMATS for compressed in (False, True)]


def way_name(way):
    return f"{way[0]}{', gzip' if way[1] else ''}"


class Subject:
    """A server that is scraped, and the process of it that does the work."""

    def __init__(self, who, server, process):
        self.who, self.server, self.process = who, server, process

    def status(self, field):
        return fields(f"/proc/{self.process.pid}/status")[field] * 1024

    def idle_share(self, seconds):
        """CPU per second without any scrape: the probes'."""
        began, used = time.monotonic(), self.process.cpu_seconds()
        time.sleep(seconds)
        return (self.process.cpu_seconds() - used) / (time.monotonic() - began)

    def fetch(self, way):
        headers = {"Accept": FORMATS[way[0]], "Accept-Encoding": "gzip" if way[1] else "identity"}
        status, answered, body = self.server.get("/metrics", headers, timeout=60)
        if status != 200 or (answered.get("Content-Encoding") == "gzip") != way[1]:
            raise BenchError(f"{self.who}: status {status}, {answered} to a scrape of {way_name(way)}")
        return body if answered["Content-Type"].split(";")[0] == FORMATS[way[0]].split(";")[0] else None

    def ways(self):
        """Those that it speaks."""
        return [way for way in WAYS if self.fetch(way) is not None]


# Of each way, until the C library keeps what it was asked for again and again: some 24 times (build-dependencies).
FIRST = 8
CLOSED = 0.2  # seconds until the connections of the scrapes before have ended at the server too


class Cost:
    """Of one way to ask: milliseconds of CPU (without the probes' share) and of waiting, a figure for each round of
    several scrapes; octets of the last one."""

    def __init__(self, subject, way, rounds, each, idle):
        self.cpu_ms, self.took_ms = [], []
        for _ in range(rounds):
            began, used = time.monotonic(), subject.process.cpu_seconds()
            for _ in range(each):
                body = subject.fetch(way)
            took, used = time.monotonic() - began, subject.process.cpu_seconds() - used
            self.cpu_ms.append(1000 * (used - idle * took) / each)
            self.took_ms.append(1000 * took / each)
        self.octets, self.plain = len(body), len(gzip.decompress(body) if way[1] else body)


def scraped(subject, rounds, each, idle_seconds):
    """{way: Cost}, and by how many octets (anonymous, resident) it grew over all but the first scrapes of each way."""
    started = subject.process.memory(subject.process.pid)
    ways = subject.ways()
    for _ in range(FIRST):
        for way in ways:
            subject.fetch(way)
    time.sleep(CLOSED)
    before = subject.process.memory(subject.process.pid)
    idle = subject.idle_share(idle_seconds)
    costs = {way: Cost(subject, way, rounds, each, idle) for way in ways}
    time.sleep(CLOSED)
    after = subject.process.memory(subject.process.pid)
    growth = {name: after[name] - before[name] for name in ("anonymous", "rss")}
    return costs, growth | {"first": before["anonymous"] - started["anonymous"]}


def rows_of(who, count, costs, bar=None):
    rows = []
    for way, cost in costs.items():
        what = f"scrape of {count:,} peers, {way_name(way)}"
        rows.append(Row(f"{what}: CPU", who, median(cost.cpu_ms), "ms", spread(cost.cpu_ms), bar,
                        f"there within {median(cost.took_ms):.3g} ms; {cost.octets:,} octets"
                        + (f" of {cost.plain:,}" if way[1] else "")))
    return rows


def canary_of(hosts, count):
    peers = [f"{address} peer-{number} zone=zone-{number % 3}" for number, address in enumerate(hosts.targets(count))]
    canary = Canary(hosts, peers, protocol="stamp")
    time.sleep(1.5)  # all were probed, and their series are as wide as they stay
    return canary


def memory_row(subject, count, growth, scrapes, bar=None):
    return Row(f"{count:,} peers: anonymous memory that {scrapes} scrapes left behind", subject.who,
               growth["anonymous"] / 1024, "KiB", None, bar,
               f"the first ones before them {growth['first'] / 1024:.0f} KiB; "
               f"resident {growth['rss'] / 1024:+.0f} KiB, at most {subject.status('VmHWM') / 2**20:.3g} MiB ever")


# --- the pace of the probes meanwhile

class Pace:
    """Probes by counters, from one scrape to another one."""

    NAMES = ("sent", "lost", "refused", "unstamped")

    def __init__(self, canary):
        self.canary = canary
        self.began = self.counters()

    def counters(self):
        before = time.monotonic()
        samples = self.canary.metrics()
        counts = {name: metrics.total(samples, f"kube_canary_probes_{name}_total") for name in self.NAMES}
        counts["dropped"] = metrics.total(samples, "kube_canary_samples_dropped_total")
        return (before + time.monotonic()) / 2, counts

    def rows(self, count):
        (began, first), (ended, last) = self.began, self.counters()
        gained = {name: last[name] - first[name] for name in last}
        expected = count * (ended - began)
        missing = 100 * (1 - gained["sent"] / expected)
        bad = sum(value for name, value in gained.items() if name != "sent")
        told = f"{gained['sent']:,.0f} sent in {ended - began:.1f} s of scrapes, {expected:,.0f} expected"
        return [Row(f"{count:,} peers: probes not sent while scrapes are written", "kube-canary", round(missing, 2), "%", None,
                    BAR_PACE, told),
                Row(f"{count:,} peers: probes lost, refused or unstamped, samples dropped meanwhile", "kube-canary", bad, "",
                    None, BAR_LOST, ", ".join(f"{name} {value:.0f}" for name, value in gained.items() if name != "sent"))]


def large(run, count):
    rounds = 2 if run.quick else 7
    with Hosts() as hosts:
        everywhere(hosts)
        canary = canary_of(hosts, count)
        subject = Subject("kube-canary", canary, canary.exporter())
        subject.ways()
        pace = Pace(canary)
        costs, growth = scraped(subject, rounds, 1, 0.5 if run.quick else 3)
        rows = rows_of("kube-canary", count, costs, BAR_CPU)
        rows.append(memory_row(subject, count, growth, rounds * len(WAYS), BAR_MEMORY))
        rows += pace.rows(count)
    run.say(f"{count:,} peers: text {median(costs['text', False].cpu_ms):.1f} ms of CPU")
    return rows


def small(run, count):
    rounds, each = (3, 5) if run.quick else (9, 20)
    results, rows = {}, []
    with Hosts() as hosts:
        everywhere(hosts)
        for who in ("kube-canary", "smokeping-prober"):
            if who == "kube-canary":
                server = canary_of(hosts, count)
                subject = Subject(who, server, server.exporter())
            else:
                server = smokeping(hosts, hosts.targets(count))
                time.sleep(1.5)
                subject = Subject(who, server, server.process)
            results[who], growth = scraped(subject, rounds, each, 0.5 if run.quick else 3)
            rows += rows_of(who, count, results[who]) + [memory_row(subject, count, growth, rounds * each * len(results[who]))]
            server.stop()
            run.say(f"{count} peers: {who}, text {median(results[who]['text', False].cpu_ms):.3g} ms of CPU")
    ours, theirs = results["kube-canary"], results["smokeping-prober"]
    for way in theirs:
        ratio = median(ours[way].cpu_ms) / median(theirs[way].cpu_ms)
        octets = ours[way].octets / theirs[way].octets
        rows.append(Row(f"scrape of {count} peers, {way_name(way)}: CPU", "kube-canary : smokeping-prober", ratio, "x",
                        note=f"octets {octets:.3g} x", ratio=True))
    return rows


def measure(run):
    return large(run, 5000) + small(run, 100), [
        "CPU: of the process that serves, by the scheduler's account, less what it takes for its probes in as much time "
        "(measured before, without scrapes). One scraper; it waits for the end of one scrape before the next.",
        "All peers are probed once a second by STAMP, over a veth, and answered by one process in user space.",
        "smokeping-prober: ICMP, 20 classic buckets by default; protobuf has its native histograms and ours (schema 3).",
        f"Memory: of the process that serves, after {FIRST} to {FIRST + 2} scrapes of each way (by then the C library keeps what they "
        "take; the note says what these left), to the end.",
    ]


if __name__ == "__main__":
    main("scrape", measure, budget=90, budget_quick=15)
