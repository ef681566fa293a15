"""The tools whose truth is examined, each told to probe the same targets at the same pace; and what each says of every
single probe, put beside what the referee saw of it.

A reading is (exchange, seconds or None if the tool does not tell a round trip of it, the true seconds).
"""
import bisect
import http.client
import re
import signal
import threading
import time

from hosts import BenchError, eventually
from metrics import parse, total
from tools import (BLACKBOX_PORT, Blackbox, Canary, Connection, everywhere, fping, fping_rtts, ping, ping_rtts, reflector,
                   smokeping)

GRACE = 2.0  # seconds for what reads its replies late
REFLECTOR_ADDRESSES = 60  # a kube-canary reflects for 64 addresses of its host at most


def truth(exchange):
    return exchange.rtt() / 1e9 if exchange.back else None


def by_sequence(said, exchanges):
    """Readings of a tool that tells {(target, sequence): seconds}."""
    return [(one, said.get((one.target, one.sequence)), truth(one)) for one in exchanges]


def by_order(said, exchanges):
    """Of one that tells {target: [seconds or None, …]} in the order of sending."""
    turn, readings = {}, []
    for one in exchanges:
        index = turn.get(one.target, 0)
        turn[one.target] = index + 1
        told = said.get(one.target, [])
        readings.append((one, told[index] if index < len(told) else None, truth(one)))
    return readings


class Prober:
    """A tool at work on targets, each of which is probed once in `interval` seconds, for so many seconds. Subclasses
    start() and stop() it, name its processes, and put what it said into readings()."""
    name = None

    def __init__(self, hosts, targets, interval, seconds):
        self.hosts, self.targets, self.interval, self.seconds = hosts, targets, interval, seconds
        self.processes = []

    def rate(self):
        """Probes that are due in a second."""
        return len(self.targets) / self.interval


class CanaryIcmp(Prober):
    """kube-canary; echo. It tells single probes in its log at level debug."""
    name = "kube-canary, ICMP"
    protocol = "icmp"
    LINE = re.compile(r'msg="reply" peer=(\S+) .*?sequence=(\d+) rtt_ns=(\d+) residence_ns=(\d+) .*duplicate=0')
    far = None

    def start(self):
        self.canary = Canary(self.hosts, self.targets, f"--probe.interval={self.interval * 1000:.0f}ms", "--probe.flows=1",
                             protocol=self.protocol, log_level="debug")
        self.processes = [self.canary.process]

    def stop(self):
        """Once the last probes have their verdicts."""
        time.sleep(1.2)
        self.lost = self.canary.count("probes_lost_total")
        self.unstamped = self.canary.count("probes_unstamped_total")
        if self.canary.stop() != 0:
            raise BenchError(f"kube-canary failed: {self.canary.process.last_words()}")
        if self.far:
            self.far.stop()

    def lines(self):
        with open(self.canary.process.log, encoding="utf-8") as log:
            for line in log:
                found = self.LINE.search(line)
                if found:
                    yield found[1], int(found[2]), int(found[3]), int(found[4])

    def readings(self, exchanges):
        return by_sequence({(peer, sequence): rtt / 1e9 for peer, sequence, rtt, _ in self.lines()}, exchanges)


class CanaryStamp(CanaryIcmp):
    """kube-canary; STAMP. The far side is another kube-canary, which reflects in the kernel; for more targets than it
    may have addresses it is a reflector in user space."""
    name = "kube-canary, STAMP"
    protocol = "stamp"

    def start(self):
        self.far = (reflector if len(self.targets) <= REFLECTOR_ADDRESSES else everywhere)(self.hosts)
        super().start()

    def said(self, exchanges):
        said = {(peer, sequence): (rtt, residence) for peer, sequence, rtt, residence in self.lines()}
        return [(one, *said.get((one.target, one.sequence), (None, None))) for one in exchanges]

    def readings(self, exchanges):
        """The time in the reflector, as told in the reply, is put back: T1 and T4 against the near end alone."""
        return [(one, None if rtt is None else (rtt + residence) / 1e9, truth(one))
                for one, rtt, residence in self.said(exchanges)]

    def readings_net(self, exchanges):
        """RTT as users see it, against the captures at both ends; where the reflector is ours."""
        return [(one, None if rtt is None else rtt / 1e9, (one.rtt() - one.residence()) / 1e9)
                for one, rtt, _ in self.said(exchanges) if one.back and one.far_in and one.far_out]


class Ping(Prober):
    """ping. One process for each target, so it is given one only, at the pace of all of them."""
    name = "ping"

    def __init__(self, hosts, targets, interval, seconds):
        super().__init__(hosts, targets[:1], max(0.01, interval / len(targets)), seconds)

    def start(self):
        self.processes = [ping(self.hosts, self.targets[0], int(self.seconds * 2 / self.interval), self.interval)]

    def stop(self):
        time.sleep(0.3)
        self.processes[0].stop(signal.SIGINT)

    def readings(self, exchanges):
        said = {(self.targets[0], sequence % 65536): rtt for sequence, rtt in ping_rtts(self.processes[0]).items()}
        return by_sequence(said, exchanges)


class Fping(Prober):
    """fping. Ended by SIGINT it tells all of what it measured."""
    name = "fping"

    def start(self):
        count = int(self.seconds * 2 / self.interval) + 2
        self.processes = [fping(self.hosts, self.targets, count, self.interval)]

    def stop(self):
        time.sleep(0.3)
        self.processes[0].stop(signal.SIGINT)

    def readings(self, exchanges):
        return by_order(fping_rtts(self.processes[0]), exchanges)


class Smokeping(Prober):
    """prometheus-smokeping-prober. It tells single probes in its log at level debug."""
    name = "smokeping_prober"
    LINE = re.compile(r'msg="Echo reply" ip_addr=(\S+) .*icmp_seq=(\d+) time=(\S+)')
    PART = re.compile(r"([0-9.]+)(h|ms|m|s|µs|ns)")
    UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}

    def start(self):
        self.server = smokeping(self.hosts, self.targets, f"{self.interval * 1000:.0f}ms", log_level="debug", wait=False)
        self.processes = [self.server.process]
        # its page waits for the CPU as well: it is not asked for
        eventually(20, lambda: "Echo reply" in self.server.process.last_words(), "smokeping_prober hears replies")

    def stop(self):
        time.sleep(GRACE)
        self.server.stop()

    def seconds_of(self, words):
        return sum(float(number) * self.UNITS[unit] for number, unit in self.PART.findall(words))

    def readings(self, exchanges):
        said = {}
        for peer, sequence, words in self.LINE.findall(self.processes[0].log.read_text(errors="replace")):
            said.setdefault((peer, int(sequence)), self.seconds_of(words))
        return by_sequence(said, exchanges)


class BlackboxExporter(Prober):
    """prometheus-blackbox-exporter. Each probe is a request; a scraper's part is played by threads that keep their
    connections. Each has targets of its own, so that the one packet within a request is the request's."""
    name = "blackbox_exporter"
    THREADS = 8
    RATE_MAX = 50.0  # requests a second, so that the scraper itself is no load worth telling

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.said, self.threads, self.ending = {}, [], threading.Event()

    def rate(self):
        return min(self.RATE_MAX, super().rate())

    def start(self):
        self.exporter = Blackbox(self.hosts)
        self.processes = [self.exporter.process]
        count = min(self.THREADS, len(self.targets))
        for i in range(count):
            mine = self.targets[i::count], count / self.rate(), i
            self.threads.append(threading.Thread(target=self.scrape, args=mine, daemon=True))
        for thread in self.threads:
            thread.start()

    def scrape(self, targets, pause, number):
        connection = Connection(self.hosts, "near", BLACKBOX_PORT)
        self.ending.wait(number / self.rate())
        turn = 0
        while not (self.ending.is_set() or self.exporter.process.ended()):
            target, due = targets[turn % len(targets)], time.monotonic() + pause
            turn += 1
            began = time.time_ns()
            try:
                connection.request("GET", f"/probe?module=icmp&target={target}")
                samples = parse(connection.getresponse().read().decode())
            except (OSError, http.client.HTTPException):
                connection.close()  # another is made by the next request
                self.ending.wait(0.1)
                continue
            found = total(samples, "probe_success") == 1
            rtt = total(samples, "probe_icmp_duration_seconds", phase="rtt") if found else None
            self.said.setdefault(target, []).append((began, time.time_ns(), rtt))
            self.ending.wait(max(0.0, due - time.monotonic()))
        connection.close()

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        self.exporter.stop()

    def readings(self, exchanges):
        readings = []
        for one in exchanges:
            told = self.said.get(one.target, [])
            i = bisect.bisect_right([began for began, _, _ in told], one.out) - 1
            within = i >= 0 and told[i][0] <= one.out <= told[i][1]
            readings.append((one, told[i][2] if within else None, truth(one)))
        return readings


PROBERS = [CanaryIcmp, CanaryStamp, Ping, Fping, Smokeping, BlackboxExporter]
