#!/usr/bin/python3 -B
"""Question 5: what is on the packet path costs who has nothing to do with it.

Each program over an empty one (packet_cost.c, by BPF_PROG_TEST_RUN), our own probes and replies, the size of the
programs; and the throughput of TCP over a wire with and without kube-canary on one end of it.
"""
import json

from bench import Bar, BenchError, Canary, Hosts, Row, command, eventually, helper, main, median
from tcp import OTHER, Race, WIRES, median_interval, offload, wire_up

ROUNDS, ROUNDS_QUICK = 21, 3
BAR_NS = Bar("<= 10 ns over an empty program", 10)
BAR_TCP = Bar("loss under 2 %", 2.0)
# Who is on the wire, at which hook, and whether segments stay whole on it (TSO): else each packet of 1,500 octets meets the
# program alone. An empty program in our place tells what the hook itself costs.
OURS, EMPTY, NOBODY = "kube-canary", "an empty program", "nobody, twice"
CASES = [(OURS, "tcx", False), (EMPTY, "tcx", False), (OURS, "clsact", False), (EMPTY, "clsact", False), (OURS, "tcx", True),
         (OURS, "xdp", False), (NOBODY, None, False)]
CASE_SECONDS = 24  # that one race takes
RACES_MORE = 2
# Of a race, by how sender and receiver run: seconds of a turn, and pairs of turns in each direction (in a quick run). Apart is
# what users have; together, each octet's work is done by one CPU in one order, so its time for that swings far less.
APART, TOGETHER = "apart", "together"
TURNS = {APART: (0.05, 30, 10), TOGETHER: (0.02, 140, 20)}


# --- programs

def programs(run):
    text = command([helper("packet_cost"), str(ROUNDS_QUICK if run.quick else ROUNDS)])
    return [json.loads(line) for line in text.splitlines()]


def program_rows(lines):
    rows, unrelated = [], [line for line in lines if line["kind"] == "unrelated"]
    worst = max(unrelated, key=lambda line: line["ns"])
    rows.append(Row("unrelated packet, the dearest of all below", worst["program"], worst["ns"], "ns",
                    (worst["ns_min"], worst["ns_max"]), BAR_NS, worst["packet"]))
    for line in unrelated:
        rows.append(Row(f"unrelated packet: {line['packet']}", line["program"], line["ns"], "ns",
                        (line["ns_min"], line["ns_max"]), BAR_NS))
    for line in lines:
        if line["kind"].startswith("own"):
            rows.append(Row(f"ours: {line['packet']}, {line['kind'][5:]}", line["program"], line["ns"], "ns",
                            note=f"{line['bytes']} octets; median of {line['runs']:,} single runs"))
    for line in lines:
        if line["kind"] == "program":
            note = f"{line['instructions']:,} instructions loaded, {line['machine_code_bytes']:,} bytes of machine code"
            rows.append(Row("instructions that the verifier walked", line["program"], line["verified_instructions"], "",
                            note=note))
    return rows


# --- TCP

def canary_on(hosts, hook, wire):
    """Which must be on that wire, as was asked, in both directions, and work."""
    canary = Canary(hosts, [WIRES[wire]["far"]], f"--bpf.hook={hook}", f"--bpf.interfaces={wire}")
    status = next(one for one in canary.api("status")["interfaces"] if one["name"] == wire)
    for direction, mode in (("egress", "tcx" if hook == "xdp" else hook), ("ingress", hook)):
        if not status[direction]["attached"] or not status[direction]["mode"].startswith(mode):
            raise BenchError(f"{hook}: {direction} of {wire} is {status[direction]}")
    return canary, status["ingress"]["mode"]


def empty_on(hosts, hook, wire):
    process = hosts.start("near", [helper("empty_hook"), hook, wire])
    eventually(5, lambda: "attached" in process.last_words(), f"an empty program on {wire}")
    return process


def take_away(hosts, hook, wire, guest):
    guest.stop()
    if hook == "clsact":  # links end with their process, filters don't
        hosts.run("near", ["tc", "qdisc", "del", "dev", wire, "clsact"])


def race(hosts, who, hook, quick):
    """Pairs of rates by (end that sends, how they run). `who` is on the one wire, then on the other."""
    pairs, mode = {(source, how): [] for source in OTHER for how in TURNS}, ""
    with Race(hosts) as running:
        for wire in WIRES:
            guest = None
            if who == OURS:
                guest, mode = canary_on(hosts, hook, wire)
            elif who == EMPTY:
                guest = empty_on(hosts, hook, wire)
            for source, how in pairs:
                seconds, count, count_quick = TURNS[how]
                running.rounds(source, wire, 1, seconds, how == TOGETHER)  # warms up
                pairs[source, how] += running.rounds(source, wire, (count_quick if quick else count) // 2, seconds,
                                                     how == TOGETHER)
            if who == EMPTY:
                take_away(hosts, hook, wire, guest)
            elif guest:
                guest.stop()
    return pairs, mode


def is_judged(who, hook):
    return who == OURS and hook in ("tcx", "clsact")


def losses(pairs, which):
    """In percent, of each pair in which both had a turn: of throughput (0) or of octets for each second of CPU (1)."""
    return [100 * (1 - ours[which] / theirs[which]) for ours, theirs in pairs if ours[which] > 0 and theirs[which] > 0]


# What is told of the pairs of each way to run: throughput of what users have, CPU of what can be told.
TOLD = {APART: (0, "throughput lost, a CPU each", "Gbit/s"),
        TOGETHER: (1, "octets lost for each second of CPU, on one CPU", "Gbit")}


def loss_row(run, what, who, hook, mode, how, pairs):
    which, name, unit = TOLD[how]
    lost = losses(pairs, which)
    without = median([theirs[which] for _, theirs in pairs]) / 1e9
    note = f"{without:.3g} {unit} without, {len(lost)} pairs" + (f"; {mode}" if hook == "xdp" else "")
    return Row(f"{what}: {name}", f"{who}, {hook}" if hook else who, round(median(lost), 2), "%",
               tuple(round(one, 2) for one in median_interval(lost)),
               BAR_TCP if is_judged(who, hook) and not run.quick else None, note, ratio=True, estimated=True)


def is_clear(pairs):
    """Whether the figure that swings less lies on one side of the bar; the other one mostly cannot be told on a machine
    that is shared."""
    return all(BAR_TCP.met_within(median_interval(losses(some, 1))) is not None
               for (_, how), some in pairs.items() if how == TOGETHER)


def races(run, hosts, who, hook, keep):
    """One; and where there is a bar, up to RACES_MORE until it is clear what to say of it, but `keep` seconds are others'."""
    pairs, mode = race(hosts, who, hook, run.quick)
    for _ in range(RACES_MORE if is_judged(who, hook) and not run.quick else 0):
        if run.left() < keep + CASE_SECONDS or is_clear(pairs):
            break
        more, _ = race(hosts, who, hook, run.quick)
        pairs = {key: pairs[key] + more[key] for key in pairs}
    return pairs, mode


def tcp_case(run, hosts, who, hook, whole, keep):
    offload(hosts, whole)
    pairs, mode = races(run, hosts, who, hook, keep)
    rows = []
    for (source, how), some in pairs.items():
        direction = {"near": "sent", "far": "received"}[source]
        what = f"TCP, {'whole segments' if whole else '1,500 octets each'}, {direction} by the end with it"
        rows.append(loss_row(run, what, who, hook, mode, how, some))
    run.say(f"TCP with {who}, {hook}{' (whole segments)' if whole else ''}: "
            + ", ".join(f"{row.value} ({row.spread[0]} to {row.spread[1]})" for row in rows) + " % lost")
    return rows


def tcp_rows(run, hosts):
    wire_up(hosts)
    rows = []
    cases = (CASES[0], CASES[-1]) if run.quick else CASES
    for number, case in enumerate(cases, 1):
        rows += tcp_case(run, hosts, *case, (len(cases) - number) * CASE_SECONDS)
    return rows


def measure(run):
    lines = programs(run)
    run.say(f"{len(lines)} figures of programs")
    with Hosts() as hosts:
        rows = tcp_rows(run, hosts)
    return rows + program_rows(lines), [
        "Programs: BPF_PROG_TEST_RUN, 200,000 runs for each figure, between two times as many of an empty program of the same "
        "type; median, least and greatest of the differences. One CPU and hot caches: lower bounds.",
        "VLAN tag: where it stands in the packet. Mostly the kernel has taken it out before tc sees the packet.",
        "Our own packets: run once each, after as many system calls as it takes to put things back, so caches are not hot.",
        "TCP: one connection over each of two equal veths, of which one has us, or an empty program, on its near end; they take "
        "turns of 20 or 50 ms, now this one first and now that one; halfway we change over to the other one. Median of the ratios "
        "of neighbouring turns, and between which figures it lies with 95 % confidence (by ranks; 95 % of "
        "each of up to three looks). 'Nobody, twice' is what chance does: two wires without us.",
        "Throughput: sender (with all softirqs) and receiver pinned to a CPU each, by the clock, so whatever else the machine "
        "runs is in it. Octets for each second of CPU: all pinned to one, and by the scheduler's account of sender, receiver and "
        "the kernel's threads for softirqs; a CPU that does nothing else loses as much throughput.",
        "A bar is met or not where all of that interval is on its one side; else it cannot be told here. We race up to three "
        "times to tell it of the CPU's. A quick run is too rough for it.",
        "A veth has no driver and no wire: the share of a packet's way that is ours is greater than on a NIC.",
    ]


if __name__ == "__main__":
    main("path", measure, budget=300, budget_quick=15)
