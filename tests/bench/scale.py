#!/usr/bin/python3 -B
"""Question 7: how far it goes: most probes per second of one core without false loss, and the first full round at 5,000.
"""
import os
import pathlib
import signal
import time

from bench import BenchError, Canary, Hosts, Row, eventually, everywhere, median, main, metrics, spread

INTERVAL_MS = 10  # the least that --probe.interval takes; the rate is the number of peers, a hundred times
STEPS = {"icmp": (100, 200, 400, 600, 800, 1000, 1200, 1400, 1700, 2000), "stamp": (100, 200, 300, 400, 600, 800, 1000)}
STEPS_QUICK = {"icmp": (400, 800), "stamp": (200,)}
BEHIND_MAX = 0.02  # of the probes that were due
WAITED_MAX = 0.1  # of the time; more is not an idle machine's
ROUND_PEERS = 5000
KNOWN, RING = 50_000, 16
ANSWERED_BY = {"icmp": "the far kernel", "stamp": "one process in user space"}


# --- one rate

def waited_seconds(process):
    """For a CPU, while it was ready to run: what else runs on the machine makes it wait."""
    return sum(int(pathlib.Path(task, "schedstat").read_text().split()[1]) for task in process.tasks()) / 1e9


class Step:
    """Some seconds at one rate: whether it was held, and what was busy."""

    SENT = "zone_probes_sent_total"
    BAD = ("zone_probes_lost_total", "zone_probes_refused_total", "zone_probes_unstamped_total", "samples_dropped_total",
           "send_errors_total")

    def __init__(self, canary, far, due, seconds):
        self.due = due
        began, first = self.counters(canary)
        waited = waited_seconds(canary.process)
        used = {name: process.cpu_seconds() for name, process in (("near", canary.process), ("far", far)) if process}
        time.sleep(seconds)
        took = {name: process.cpu_seconds() for name, process in (("near", canary.process), ("far", far)) if process}
        self.waited = (waited_seconds(canary.process) - waited) / seconds
        ended, last = self.counters(canary)
        whole = ended - began
        gained = {name: last[name] - first[name] for name in last}
        self.rate = gained[self.SENT] / whole
        self.bad = {name: gained[name] for name in self.BAD if gained[name]}
        self.cores = {name: (took[name] - used[name]) / seconds for name in took}

    def counters(self, canary):
        """A scrape of the sums alone: --metrics.per-peer=none."""
        before = time.monotonic()
        samples = canary.metrics()
        counts = {name: metrics.total(samples, f"kube_canary_{name}") for name in (self.SENT, *self.BAD)}
        return (before + time.monotonic()) / 2, counts

    def held(self):
        return not self.bad and self.rate >= self.due * (1 - BEHIND_MAX)

    def told(self):
        bad = ", ".join(f"{name.removesuffix('_total').removeprefix('zone_').replace('_', ' ')} {count:.0f}"
                        for name, count in self.bad.items())
        cores = ", ".join(f"{share:.2f} of a core {where}" for where, share in self.cores.items())
        return f"{self.rate:,.0f}/s of {self.due:,} due; {bad or 'nothing lost'}; {cores}; waited {self.waited:.0%} for a CPU"


def step(hosts, protocol, far, count, seconds):
    canary = Canary(hosts, hosts.targets(count), f"--probe.interval={INTERVAL_MS}ms", "--probe.flows=1",
                    "--metrics.per-peer=none", protocol=protocol)
    time.sleep(1)
    result = Step(canary, far, count * 1000 // INTERVAL_MS, seconds)
    canary.stop()
    return result


def ramp(run, protocol, until):
    """All steps up to the first that does not hold, which is tried twice: the best that held, and the one that did not."""
    best = failed = None
    with Hosts() as hosts:
        far = everywhere(hosts) if protocol == "stamp" else None
        for count in (STEPS_QUICK if run.quick else STEPS)[protocol]:
            for _ in range(2):
                result = step(hosts, protocol, far, count, 1 if run.quick else 4)
                run.say(f"{protocol}, {count} peers: {result.told()}")
                if result.held():
                    break
            if not result.held():
                failed = result
                break
            best = result
            if run.seconds() > until:
                break
    return best, failed


def limit_of(failed):
    """What was full where it ended."""
    if not failed:
        return "not reached: nothing failed yet"
    if failed.waited > WAITED_MAX:
        return "not our limit: others on the machine had the CPU"
    full = [name for name, share in failed.cores.items() if share > 0.9]
    if "far" in full and "near" not in full:
        return "the far side, which answers, is full"
    return "our core is full" if "near" in full else "neither side's CPU is full by itself: the machine is"


def rate_rows(run, protocol, until):
    best, failed = ramp(run, protocol, until)
    who, what = "kube-canary", f"{protocol.upper()}, answered by {ANSWERED_BY[protocol]}"
    rows = []
    if failed:
        rows.append(Row(f"{what}: least rate not held", who, failed.due, "probes/s",
                        note=f"{limit_of(failed)}; {failed.told()}"))
    if not best:
        return rows
    near = best.cores["near"]
    held = best.told() + ("" if failed else "; none failed of those that were tried")
    return [Row(f"{what}: highest rate held", who, round(best.rate), "probes/s", note=held),
            Row(f"{what}: the same, of one whole core", who, round(best.rate / near), "probes/s",
                note=f"computed: the rate by the {near:.2f} cores that it took; on a veth the core sends, crosses the wire, "
                "and answers in the far kernel"),
            Row(f"{what}: CPU of a probe at that rate", who, 1e6 * near / best.rate, "us"), *rows]


# --- the first round

def asked(process, file):
    """(addresses asked, when the last new one was): by the reflector's own account."""
    file.unlink(missing_ok=True)
    os.kill(process.pid, signal.SIGUSR1)
    eventually(5, file.exists, "the reflector tells")
    words = dict(line.split() for line in file.read_text().splitlines())
    return int(words["addresses"]), float(words["newest"])


def first_round(count):
    """Seconds from the start of the program until the last peer was asked for the first time, and until ready."""
    with Hosts() as hosts:
        far = everywhere(hosts)
        file = next(hosts.scratch.glob("everywhere-*"))
        peers = [f"{address} peer-{number}" for number, address in enumerate(hosts.targets(count))]
        began = time.time()
        canary = Canary(hosts, peers, protocol="stamp")
        ready = time.time() - began
        eventually(20, lambda: asked(far, file)[0] >= count, "all peers are asked", pause=0.1)
        whole = asked(far, file)[1] - began
        time.sleep(1)
        samples = canary.metrics()
        measured = sum(value > 0 for name, _, value in samples if name == "kube_canary_probes_returned_total")
        lost = metrics.total(samples, "kube_canary_probes_lost_total")
        if measured < count:
            raise BenchError(f"of {count} peers {measured} are measured after the first round")
        return whole, ready, lost


def round_rows(run):
    found = [first_round(ROUND_PEERS) for _ in range(1 if run.quick else 3)]
    wholes, lost = [one[0] for one in found], sum(one[2] for one in found)
    run.say(f"first round: {[round(whole, 2) for whole in wholes]} s")
    return [Row(f"{ROUND_PEERS:,} peers: from the start to the end of the first full round", "kube-canary", median(wholes), "s",
                spread(wholes), note=f"ready after {median([one[1] for one in found]):.2f} s; the round takes an interval of 1 s; "
                f"{lost:.0f} probes lost by the end of it")]


# --- how many are known

def known(count):
    """Of a node that knows so many and probes 16: seconds until it is ready, octets, CPU per second, CPU seconds that a
    peers file takes in which one line is another."""
    with Hosts() as hosts:
        everywhere(hosts)
        began = time.monotonic()
        canary = Canary(hosts, hosts.targets(count), protocol="stamp", degree=RING)
        ready = time.monotonic() - began
        time.sleep(2)
        idle = cpu_of(canary, 2)
        memory = canary.process.memory()["pss"]
        file = next(hosts.scratch.glob("peers-near-*"))
        fresh = file.with_suffix(".new")
        fresh.write_text("\n".join(["198.19.255.1", *file.read_text().splitlines()[1:], ""]))
        fresh.chmod(0o644)
        used = canary.process.cpu_seconds()
        fresh.rename(file)
        time.sleep(2)
        return ready, memory, idle, canary.process.cpu_seconds() - used - 2 * idle


def cpu_of(canary, seconds):
    used = canary.process.cpu_seconds()
    time.sleep(seconds)
    return (canary.process.cpu_seconds() - used) / seconds


def known_rows(run):
    ready, memory, idle, reload = known(KNOWN)
    run.say(f"{KNOWN:,} known: ready after {ready:.2f} s")
    what = f"{KNOWN:,} nodes known, {RING} probed"
    return [Row(f"{what}: PSS of both processes", "kube-canary", round(memory / 1024), "kB",
                note="with the kernel's maps, as far as they are mapped"),
            Row(f"{what}: ready after", "kube-canary", ready, "s"),
            Row(f"{what}: CPU", "kube-canary", 100 * idle, "% of a core"),
            Row(f"{what}: CPU of a peers file with another line", "kube-canary", 1000 * reload, "ms")]


def measure(run):
    rows = round_rows(run) + ([] if run.quick else known_rows(run))
    for protocol, share in (("icmp", 0.7), ("stamp", 0.9)):
        rows += rate_rows(run, protocol, share * run.budget)
    return rows, [
        f"Rate: --probe.interval={INTERVAL_MS}ms (the least) with more and more peers, --probe.timeout=1s, --probe.flows=1, some "
        "seconds each. Held: at least 98 % of the probes due were sent, "
        "and none was lost, refused or not stamped, in one of two tries.",
        "CPU: both processes, by the scheduler's account. On a veth the sender's core also runs the far host's softirq: the "
        "answer of the kernel (ICMP), or the way into the other process' socket (STAMP).",
        "Our own reflector answers 100 probes a second of each peer, by design, and so cannot stand at the far end here. What "
        "an answer takes is in the question of the packet path.",
        "First round: from exec to the first probe of the last peer, by the clock of who answers.",
    ]


if __name__ == "__main__":
    main("scale", measure, budget=120, budget_quick=20)
