#!/usr/bin/python3 -B
"""Question 4: what a probe costs of CPU, and how often kube-canary wakes up.

100 peers at 100, 1,000 and 10,000 probes a second: kube-canary with ICMP echo and with STAMP, against a bare loop
of sendmmsg and recvmmsg (bare_loop.c) to the same peers with the same wake-ups, which is the limit, and against
fping, smokeping-prober and blackbox exporter at the same pace as far as they go that fast.
"""
import pathlib
import threading
import time

from bench import (Bar, BenchError, Blackbox, Canary, Hosts, Row, everywhere, fping, helper, main, median, smokeping,
                   spread)

PEERS = 100
PACES = (100, 1000, 10000)
ROUNDS = {100: 4, 1000: 2, 10000: 3}
SECONDS, SECONDS_QUICK = 3.0, 1.2
SETTLE = {"kube-canary": 1.5, "bare loop": 0.4, "fping": 0.6, "smokeping-prober": 1.5, "blackbox": 0.5}
OCTETS = 44  # of payload, everybody's: kube-canary's default
PACE_TOLERANCE = 0.05
WAKEUPS_PEERS = 10
BARS = {"bare loop": Bar("<= 1.25 x bare loop", 1.25), "fping": Bar("<= 0.6 x fping", 0.6),
        "smokeping-prober": Bar("<= 1/50 of smokeping-prober", 0.02)}
BAR_WAKEUPS = Bar("<= 20 wake-ups a second", 20)


class Cost:
    """What a process took over an interval: CPU seconds, wake-ups, packets of its namespace's eth0."""

    def __init__(self, process, seconds):
        before, began = self.read(process), time.monotonic()
        time.sleep(seconds)
        after, self.seconds = self.read(process), time.monotonic() - began
        cpu, wakeups, self.sent, self.received = (b - a for a, b in zip(before, after))
        if process.ended() or not self.sent:
            raise BenchError(f"{process.argv[0]} sends nothing: {process.last_words()}")
        self.pace, self.wakeups = self.sent / self.seconds, wakeups / self.seconds
        self.us = cpu / self.sent * 1e6

    @staticmethod
    def read(process):
        for line in pathlib.Path(f"/proc/{process.pid}/net/dev").read_text().splitlines():
            if line.strip().startswith("eth0:"):
                words = line.split(":")[1].split()
                return process.cpu_seconds(), process.wakeups(), int(words[9]), int(words[1])
        raise BenchError("no eth0 where the process runs")


def cost(who, process, seconds, stop):
    time.sleep(SETTLE[who])
    try:
        return Cost(process, seconds)
    finally:
        stop()


def canary_cost(hosts, protocol, peers, pace, seconds):
    interval_ms = 1000 * len(peers) // pace
    canary = Canary(hosts, peers, f"--probe.interval={interval_ms}ms", "--reflector=false", protocol=protocol)
    return cost("kube-canary", canary.process, seconds, canary.stop)


def bare_cost(hosts, protocol, peers, pace, wakeups, seconds):
    """peers follow one another: Hosts counts to 250 in the last octet."""
    process = hosts.start("near", [helper("bare_loop"), protocol, peers[0], len(peers), pace, max(1, round(wakeups)), OCTETS])
    return cost("bare loop", process, seconds, process.stop)


def fping_cost(hosts, peers, pace, seconds):
    process = fping(hosts, peers, 0, len(peers) / pace)
    return cost("fping", process, seconds, process.stop)


def smokeping_cost(hosts, peers, pace, seconds):
    server = smokeping(hosts, peers, f"{1000 * len(peers) // pace}ms")
    return cost("smokeping-prober", server.process, seconds, server.stop)


class Scraper(threading.Thread):
    """Has blackbox exporter probe one target after the other, as Prometheus would, at that pace. What this costs
    Prometheus is not counted, only what the exporter takes."""

    def __init__(self, blackbox, peers, pace):
        super().__init__(daemon=True)
        self.blackbox, self.peers, self.pace, self.ended = blackbox, peers, pace, threading.Event()

    def run(self):
        began, count = time.monotonic(), 0
        while not self.ended.wait(max(0.0, began + count / self.pace - time.monotonic())):
            try:
                self.blackbox.probe(self.peers[count % len(self.peers)])
            except (BenchError, OSError):
                pass  # what it does not send is seen on the wire
            count += 1


def blackbox_cost(hosts, peers, pace, seconds):
    blackbox = Blackbox(hosts)
    scraper = Scraper(blackbox, peers, pace)
    scraper.start()

    def stop():
        scraper.ended.set()
        scraper.join()
        blackbox.stop()

    return cost("blackbox", blackbox.process, seconds, stop)


class Pace:
    """All that was measured at one pace, in rounds."""

    def __init__(self, pace):
        self.pace, self.costs = pace, {}

    def add(self, who, cost_):
        self.costs.setdefault(who, []).append(cost_)

    def round(self, hosts, peers, seconds, protocols):
        for protocol in protocols:
            ours = canary_cost(hosts, protocol, peers, self.pace, seconds)
            self.add(("kube-canary", protocol), ours)
            self.add(("bare loop", protocol), bare_cost(hosts, protocol, peers, self.pace, ours.wakeups, seconds))
        self.add(("fping", "icmp"), fping_cost(hosts, peers, self.pace, seconds))
        if self.pace == min(PACES):  # its bar is the closest
            self.add(("smokeping-prober", "icmp"), smokeping_cost(hosts, peers, self.pace, seconds))

    def ratio_rows(self):
        for (who, protocol), others in self.costs.items():
            if who == "kube-canary":
                continue
            ours = [one.us for one in self.costs[("kube-canary", protocol)]]
            # Round by round where there are as many; else each against the median of the other.
            ratios = ([a / b.us for a, b in zip(ours, others)] if len(ours) == len(others)
                      else [median(ours) / one.us for one in others])
            yield Row(f"CPU per probe, {self.pace:,} a second, {protocol}", f"kube-canary / {who}", median(ratios), "x",
                      spread(ratios), BARS.get(who), self.fell_short(others))

    def fell_short(self, costs):
        pace = median([one.pace for one in costs])
        if abs(pace - self.pace) > PACE_TOLERANCE * self.pace:
            return f"it sent {pace:,.0f} a second, not {self.pace:,}; per probe that it sent"
        return ""

    def rows(self):
        for (who, protocol), costs in self.costs.items():
            figures = [one.us for one in costs]
            missing = 1 - sum(one.received for one in costs) / sum(one.sent for one in costs)
            notes = [self.fell_short(costs), f"{median([one.wakeups for one in costs]):,.0f} wake-ups a second"]
            if missing > 0.005:
                notes.append(f"{missing:.1%} of the packets without a reply")
            yield Row(f"CPU per probe, {self.pace:,} a second, {protocol}", who, median(figures), "us", spread(figures),
                      note="; ".join(filter(None, notes)))


def wakeup_rows(run, hosts):
    for protocol in ("icmp",) if run.quick else ("icmp", "stamp"):
        found = canary_cost(hosts, protocol, hosts.targets(WAKEUPS_PEERS), WAKEUPS_PEERS, 3 if run.quick else 10)
        yield Row(f"wake-ups a second, {WAKEUPS_PEERS} peers once a second, {protocol}", "kube-canary", found.wakeups, "",
                  bar=BAR_WAKEUPS, note="both processes; voluntary context switches")


def measure_pace(run, hosts, pace):
    peers, seconds = hosts.targets(PEERS), SECONDS_QUICK if run.quick else SECONDS
    result = Pace(pace)
    for number in range(1 if run.quick else ROUNDS[pace]):
        result.round(hosts, peers, seconds, ("icmp",) if run.quick else ("icmp", "stamp"))
        run.say(f"{pace:,} a second, round {number + 1}: " + ", ".join(
            f"{who} {protocol} {costs[-1].us:.3g} us" for (who, protocol), costs in result.costs.items()))
    if pace <= 1000 and not run.quick:
        if pace > min(PACES):
            result.add(("smokeping-prober", "icmp"), smokeping_cost(hosts, peers, pace, seconds))
        result.add(("blackbox", "icmp"), blackbox_cost(hosts, peers, pace, seconds))
    return result


def measure(run):
    with Hosts() as hosts:
        everywhere(hosts)
        paces = [measure_pace(run, hosts, pace) for pace in PACES if not (run.quick and pace == 1000)]
        wakeups = list(wakeup_rows(run, hosts))
    rows = [row for pace in paces for row in pace.ratio_rows()]
    rows += [row for pace in paces for row in pace.rows()]
    return rows + wakeups, [
        f"{PEERS} addresses behind one veth; ICMP echo answered by the far kernel, STAMP by one process in user space for all. "
        f"kube-canary and the bare loop send {OCTETS} octets of payload, fping and the exporters 56.",
        "CPU time is the scheduler's account (ns) of all threads and processes over the measured interval only; probes are "
        "packets that left eth0 in it. One after the other in rounds; medians, least and greatest.",
        "Receiving is charged too: a veth's packets are processed in the context of who sends, there and back, so the far "
        "kernel's share is in everybody's figure for ICMP. With STAMP the way back is charged to the far process.",
        "The bare loop keeps no statistics: at each wake-up one recvmmsg until the socket is empty, one sendmmsg of what "
        "is due (64 at most), as often as kube-canary woke in the same round; like kube-canary's, its packets are never cut to "
        "fragments (DF), which spares the kernel the choice of an identification.",
        "smokeping-prober and blackbox exporter are not asked for 10,000 a second: at what a probe costs them at 1,000, a CPU "
        "is not enough.",
    ]


if __name__ == "__main__":
    main("cpu", measure, budget=240, budget_quick=20)
