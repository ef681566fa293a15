#!/usr/bin/python3 -B
"""Question 5: what is on the packet path costs who has nothing to do with it.

Each program over an empty one (packet_cost.c, by BPF_PROG_TEST_RUN), our own probes and replies, the size of the
programs; and the throughput of TCP over a wire with and without kube-canary on one end of it.
"""
import json

from bench import Bar, BenchError, Canary, Hosts, Row, command, eventually, helper, main, median
from tcp import APART, Contest, HOT, OTHER, TOGETHER, WIRES, median_interval, offload, wire_up

ROUNDS, ROUNDS_QUICK = 21, 3
BAR_NS = Bar("<= 10 ns over an empty program", 10)
BAR_TCP = Bar("loss under 2 %", 2.0)
BAR_TCP_OVER_EMPTY = Bar("loss under 2 % over an empty program", 2.0)
OURS, EMPTY, NOBODY = "kube-canary", "an empty program", "nobody"
# Who is on a wire, who on the other one, at which hook, whether segments stay whole (as a veth carries TCP unless it is told
# otherwise) or each packet of 1,500 octets meets the program alone, and the bar. Of those packets the hook itself, an empty
# program in our place, costs more than we do: so we are judged by what we add to that, and all three ratios are told.
CASES = [(OURS, NOBODY, "tcx", True, BAR_TCP), (OURS, NOBODY, "clsact", True, BAR_TCP), (NOBODY, NOBODY, None, True, None),
         (EMPTY, NOBODY, "tcx", True, None), (EMPTY, NOBODY, "clsact", True, None),
         (OURS, EMPTY, "tcx", False, BAR_TCP_OVER_EMPTY), (OURS, EMPTY, "clsact", False, BAR_TCP_OVER_EMPTY),
         (OURS, NOBODY, "tcx", False, None), (EMPTY, NOBODY, "tcx", False, None), (OURS, NOBODY, "clsact", False, None),
         (EMPTY, NOBODY, "clsact", False, None), (OURS, NOBODY, "xdp", False, None), (NOBODY, NOBODY, None, False, None)]
QUICK_CASES = [CASES[0], CASES[2]]
RACES_MORE = 2
CONTESTS_QUICK = 3  # of a race in each direction, on each wire; else as many as the way to run says
SETTLE_SECONDS = 2  # that a race takes beside its contests, each of which takes a while to start
START_SECONDS = 0.02


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
    last = {}

    def attached():
        last.update(next(one for one in canary.api("status")["interfaces"] if one["name"] == wire))
        return all(last[direction]["attached"] and last[direction]["mode"].startswith(mode)
                   for direction, mode in (("egress", "tcx" if hook == "xdp" else hook), ("ingress", hook)))

    try:
        eventually(5, attached)
    except BenchError:
        raise BenchError(f"{hook}: {wire} is {last}") from None
    return canary, last["ingress"]["mode"]


def empty_on(hosts, hook, wire):
    process = hosts.start("near", [helper("empty_hook"), hook, wire])
    eventually(5, lambda: "attached" in process.last_words(), f"an empty program on {wire}")
    return process, hook


def settle(hosts, who, hook, wire):
    """(What ends it, its mode.) Nobody needs nothing."""
    if who == NOBODY:
        return (lambda: None), hook
    guest, mode = (canary_on if who == OURS else empty_on)(hosts, hook, wire)

    def leave():
        guest.stop()
        if who == EMPTY and hook == "clsact":  # links end with their process, filters don't
            hosts.run("near", ["tc", "qdisc", "del", "dev", wire, "clsact"])

    return leave, mode


def contests_of(case, quick=False):
    """{way: how many}. What costs by the octet is the greater part of whole segments alone, so only they go all the ways.
    Half as many where nothing is judged, but for chance."""
    who, other, _, whole, bar = case
    some = [APART, TOGETHER, HOT] if whole and who != EMPTY else [APART, HOT]
    return {way: CONTESTS_QUICK if quick else way.contests // (1 if bar or who == other else 2) for way in some}


def race_seconds(case):
    return SETTLE_SECONDS + 2 * len(OTHER) * sum(count * (way.seconds + START_SECONDS)
                                                 for way, count in contests_of(case).items())


def contests(hosts, wires, counts):
    """{(source, way): [(percent lost on the first of the wires, bits per second on the second one)]}, by turns."""
    found = {(source, way): [] for way in counts for source in OTHER}
    for number in range(max(counts.values())):
        for (source, way), figures in found.items():
            if number < counts[way]:
                with Contest(hosts, source, way, wires) as contest:
                    figures.append(contest.run())
    return found


def race(hosts, case, quick):
    """({(source, way): [(percent lost, bits per second of the other)]}, mode). Who is judged is on the one wire, then on the
    other: each figure is the mean of one of either, so that whatever a wire is worth by itself goes away."""
    who, other, hook, _, _ = case
    halves, mode = [], hook
    for wires in (list(WIRES), list(WIRES)[::-1]):
        leave, mode = settle(hosts, who, hook, wires[0])
        leave_other, _ = settle(hosts, other, hook, wires[1])
        halves.append(contests(hosts, wires, contests_of(case, quick)))
        leave()
        leave_other()
    return {key: [tuple(sum(one) / 2 for one in zip(*both)) for both in zip(halves[0][key], halves[1][key])]
            for key in halves[0]}, mode


def losses(found):
    return [lost for lost, _ in found]


def name_of(who, other, hook):
    if who == other:
        return f"{who}, twice"
    return f"{who}{'' if other == NOBODY else f' over {other}'}, {hook}"


def loss_row(what, who, mode, bar, found):
    lost = losses(found)
    note = f"{median([rate for _, rate in found]) / 1e9:.3g} Gbit/s without, {len(lost)} pairs of contests"
    if mode and mode.startswith("xdp"):
        note += f"; {mode}"
    return Row(what, who, round(median(lost), 2), "%", tuple(round(one, 2) for one in median_interval(lost)), bar, note,
               ratio=True, estimated=True)


def judged(bar, whole, way):
    """HOT is no TCP that anybody has: with whole segments it tells what is the most that it could come to."""
    return None if whole and way is HOT else bar


def is_clear(found, bar, whole):
    """Whether each figure that is judged lies on one side of the bar."""
    return all(bar.met_within(median_interval(losses(some))) is not None
               for (_, way), some in found.items() if judged(bar, whole, way))


def races(run, hosts, case, keep):
    """One; and where there is a bar, up to RACES_MORE until it is clear what to say of it, but `keep` seconds are others'."""
    _, _, _, whole, bar = case
    found, mode = race(hosts, case, run.quick)
    for _ in range(RACES_MORE if bar and not run.quick else 0):
        if run.left() < keep + race_seconds(case) or is_clear(found, bar, whole):
            break
        more, _ = race(hosts, case, run.quick)
        found = {key: found[key] + more[key] for key in found}
    return found, mode


def tcp_case(run, hosts, case, keep):
    who, other, hook, whole, bar = case
    offload(hosts, whole)
    found, mode = races(run, hosts, case, keep)
    rows, name = [], name_of(who, other, hook)
    for (source, way), some in found.items():
        direction = {"near": "sent", "far": "received"}[source]
        what = (f"TCP, {'whole segments' if whole else '1,500 octets each'}, {direction} by the end with it: "
                f"throughput lost, {way.name}")
        rows.append(loss_row(what, name, mode, None if run.quick else judged(bar, whole, way), some))
    run.say(f"TCP with {name}{' (whole segments)' if whole else ''}: "
            + ", ".join(f"{row.value} ({row.spread[0]} to {row.spread[1]})" for row in rows) + " % lost")
    return rows


def tcp_rows(run, hosts):
    wire_up(hosts)
    rows = []
    cases = QUICK_CASES if run.quick else CASES
    for number, case in enumerate(cases, 1):
        rows += tcp_case(run, hosts, case, sum(race_seconds(one) for one in cases[number:]))
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
        "TCP: a connection over each of two equal veths; on the near end of one is kube-canary, or an empty program, and nobody "
        "on the other one, or an empty program where the row says 'over an empty program'. Their turns take 0.1 to 4 ms, in blocks "
        "A B B A, by the clock; the median of the blocks' ratios is what a contest says. Each contest has new connections. "
        "Halfway the two change wires, and the mean of one contest from either half is a figure. Told: the median of the "
        "figures, and where it lies with 95 % confidence (by ranks; 95 % of each of up to three looks). 'Nobody, twice' is what "
        "chance does: it must be nothing.",
        "A CPU each: sender and reader are two processes on a CPU each, with 64 KiB of send buffer, that ask again rather than "
        "sleep. On one CPU: a thread writes 4 MiB, reads them, and so on, as much on its way as an ordinary connection has whose "
        "two ends share a CPU (some MiB). Those who sleep are woken in an order that is chance: with them two wires without us "
        "differed by up to 7 %.",
        "On one CPU, within its cache: the same with 128 KiB, which stay in the CPU's own cache. No TCP that anybody has costs so "
        "little for an octet (compare the throughput in the notes), so it is the most that the loss could come to; "
        "with whole segments it has no bar, and is told whatever it is.",
        "A veth carries whole segments of up to 64 KiB unless told otherwise, and the bar is for that, with and without us, at "
        "both hooks. With 1,500 octets each (offloads off) 40 times as many packets meet the hook, and the hook itself costs "
        "more than what is in it: there the bar is for what we add over an empty program in the same place, as for any unrelated "
        "packet. The loss against nobody at all, ours and the empty program's, is beside it without a bar.",
        "A bar is met or not where all of that interval is on its one side; else it cannot be told here, after up to three "
        "races. A quick run is too rough for it.",
        "A veth has no driver and no wire: the share of a packet's way that is ours is greater than on a NIC.",
    ]


if __name__ == "__main__":
    main("path", measure, budget=360, budget_quick=15)
