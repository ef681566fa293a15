# SPDX-License-Identifier: Apache-2.0
"""Judges what tests/vm/netem recorded: the exporter's figures beside those that follow from what tcpdump saw at both ends,
and from netem's own statistics. Knows the protocols only through netem_frames.
  netem_judge.py FOLDER CPUS SECONDS"""
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from netem_frames import frames_read, message_parse, request_answered, sum_holds

TIMEOUT = 1.0  # --probe.timeout
MAC_B = bytes.fromhex("02000000000b")
# The kernel's stamps lie outside of tcpdump's on this host and inside on the other, so that no RTT is below what these say.
# It is above by what an emulated CPU, which others may hold up, does between the two: the worst hundredth by up to as much
# again. A quantile of the native histogram is above by 9 % more.
BELOW_SECONDS, ABOVE_SECONDS, ABOVE_SHARE, ABOVE_SHARE_WORST, BUCKET_SHARE = 0.00005, 0.0015, 0.1, 1, 0.09
REORDERED_SHARE = 0.002
# netem must have done what it was told, by the share of all frames each way: within five standard deviations.
TOLD = {"loss": 0.05, "twice": 0.01, "damaged": 0.01}


def metric(text, name, label=""):
    """The sum of all series of that name that have that label."""
    lines = re.findall(rf"^kube_canary_{name}(\{{.*\}})? ([0-9.e+-]+)$", text, re.M)
    return sum(float(value) for labels, value in lines if label in labels)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def bucket_quantile(buckets, share):
    """The bucket's upper bound: the true value is below it by no more than its width."""
    rank, total = share * sum(buckets.values()), 0
    for bound in sorted(buckets):
        total += buckets[bound]
        if total > rank:
            return bound
    return float("nan")


def one_bit(one, other):
    return len(one) == len(other) and bin(int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).count("1") == 1


class Way:
    """What netem did to the frames of one direction, by tcpdump before and after it."""

    def __init__(self, before, after):
        self.offered, self.arrived = len(before), len(after)
        sent = Counter(frame.octets for frame in before)
        halves = defaultdict(set)
        for octets in sent:
            halves[octets[: len(octets) // 2]].add(octets)
            halves[octets[len(octets) // 2 :]].add(octets)
        copies, self.damaged, self.strange = Counter(), 0, 0
        for _, octets in after:
            original = octets if octets in sent else self.origin(octets, halves)
            self.damaged += original is not octets and original is not None
            self.strange += original is None
            copies[original] += 1
        self.lost = sum(max(0, count - copies[octets]) for octets, count in sent.items())
        self.twice = sum(max(0, copies[octets] - count) for octets, count in sent.items())

    @staticmethod
    def origin(octets, halves):
        middle = len(octets) // 2
        for candidate in halves[octets[:middle]] | halves[octets[middle:]]:
            if one_bit(octets, candidate):
                return candidate
        return None


class Expected:
    """The verdicts that follow from what tcpdump saw at the canary's end."""

    def __init__(self, out, back, residences):
        self.probes, self.first = {}, {}
        self.rejected, self.duplicates, self.late, self.reordered = Counter(), 0, 0, 0
        self.rtts, self.bytes = [], 0
        self.residences = residences
        for frame in out:
            found = message_parse(frame.octets, is_reply=False)
            if found and found[0] != "truncated":
                self.probes[found[0]] = (frame.time, found[1])
        self.peers = {probe.peer for probe in self.probes}
        self.flows = {probe.flow for probe in self.probes}
        self.nonces = {(probe._replace(sequence=0), nonce) for probe, (_, nonce) in self.probes.items()}
        self.newest = {}
        for frame in back:
            self.reply(frame)
        self.sent, self.returned = len(self.probes), len(self.rtts)
        self.lost = self.sent - self.returned

    def reply(self, frame):
        found = message_parse(frame.octets, is_reply=True)
        if not found:
            return
        peer, flow = (found[1], found[2]) if found[0] == "truncated" else (found[0].peer, found[0].flow)
        if flow not in self.flows:
            return
        if peer not in self.peers:
            self.rejected["source"] += 1
        elif found[0] == "truncated":
            self.rejected["truncated"] += 1
        elif found[0] not in self.probes or self.probes[found[0]][1] != found[1]:
            self.rejected["sequence" if (found[0]._replace(sequence=0), found[1]) in self.nonces else "nonce"] += 1
        elif not sum_holds(frame.octets, found[3], found[2]):
            self.rejected["checksum"] += 1
        else:
            self.accept(found[0], frame)

    def accept(self, probe, frame):
        if probe in self.first:
            self.duplicates += 1
            return
        self.first[probe] = frame.time
        waited = frame.time - self.probes[probe][0]
        if waited > TIMEOUT:
            self.late += 1
            return
        self.rtts.append(waited - self.residences.get(frame.octets, 0))
        session = (probe.peer, probe.kind, probe.flow)
        self.reordered += probe.sequence < self.newest.get(session, -1)
        self.newest[session] = max(self.newest.get(session, -1), probe.sequence)


def residences_of(requests, replies):
    """How long host b had each STAMP probe, by the reply."""
    arrived, times = {}, {}
    for frame in requests:
        found = message_parse(frame.octets, is_reply=False)
        if found and found[0] != "truncated" and found[0].kind == "stamp":
            arrived.setdefault((found[0].sequence, found[1]), []).append(frame.time)
    for frame in replies:
        found = message_parse(frame.octets, is_reply=True)
        if found and found[0] != "truncated" and found[0].kind == "stamp" and arrived.get((found[0].sequence, found[1])):
            times[frame.octets] = frame.time - arrived[(found[0].sequence, found[1])].pop(0)
    return times


class Run:
    def __init__(self, folder, cpus):
        self.name = folder.name
        self.cpus = cpus
        self.frames = {end: frames_read(folder / f"{end}.pcap") for end in ("a-in", "a-out", "b-in", "b-out")}
        self.said = {end: (folder / f"{end}.said").read_text() for end in self.frames}
        self.metrics = (folder / "a.metrics").read_text()
        self.peers = json.loads((folder / "a.json").read_text())["peers"]
        before, after = ((folder / name).read_text() for name in ("b-before.metrics", "b.metrics"))
        self.reflected = metric(after, "reflected_total") - metric(before, "reflected_total")
        self.qdisc = {way: self.netem(folder / f"{way}.qdisc") for way in ("there", "back")}
        self.there = Way(self.frames["a-out"], self.frames["b-in"])
        self.back = Way(self.frames["b-out"], self.frames["a-in"])
        residences = residences_of(self.frames["b-in"], self.frames["b-out"])
        self.expected = Expected(self.frames["a-out"], self.frames["a-in"], residences)
        self.failures = []

    @staticmethod
    def netem(path):
        found = [qdisc for qdisc in json.loads(path.read_text()) if qdisc["kind"] == "netem"]
        return found[0] if found else None

    def check(self, what, got, wanted):
        if got != wanted:
            self.failures.append(f"{what}: {got:g}, expected {wanted:g}")
        return [what, f"{got:g}", f"{wanted:g}"]

    def near(self, what, got, wanted, share):
        most = wanted * (1 + share) + ABOVE_SECONDS
        if not wanted - BELOW_SECONDS <= got <= most:
            self.failures.append(f"{what}: {got:g}, expected {wanted:g} to {most:g}")
        return [what, f"{got * 1000:.2f} ms", f"{wanted * 1000:.2f} ms"]

    def exporter(self):
        """[figure, exporter, tcpdump]"""
        expected, count = self.expected, lambda name, label="": metric(self.metrics, name, label)
        rows = [self.check(name, count(f"probes_{name}_total"), value) for name, value in [
            ("sent", expected.sent), ("returned", expected.returned), ("lost", expected.lost), ("refused", 0),
            ("unstamped", 0), ("late", expected.late), ("duplicate", expected.duplicates)]]
        rows.append(self.reordered(count("probes_reordered_total")))
        rows += self.rejects()
        rows.append(self.check("reflected by the other canary", self.reflected, sum(
            request_answered(frame.octets, MAC_B) for frame in self.frames["b-in"])))
        self.check("sum of verdicts", sum(count(f"probes_{verdict}_total") for verdict in (
            "returned", "lost", "refused", "unstamped")), expected.sent)
        return rows + self.times()

    def reordered(self, got):
        """Exactly, but for frames that several CPUs had at the same time: tcpdump saw one first, the program the other."""
        wanted, share = self.expected.reordered, REORDERED_SHARE if self.cpus > 1 else 0
        if abs(got - wanted) > share * self.expected.sent:
            self.failures.append(f"reordered: {got:g}, expected {wanted} ± {share * self.expected.sent:g}")
        return ["reordered", f"{got:g}", f"{wanted}"]

    def rejects(self):
        """A right nonce under a wrong sequence is found in another probe's entry, or, as only low bits choose the entry, in
        its own: then it is the checksum that does not hold."""
        got = {reason: metric(self.metrics, "replies_rejected_total", f'reason="{reason}"') for reason in (
            "checksum", "nonce", "source", "truncated", "residence", "unstamped")}
        wanted = self.expected.rejected
        either = wanted["sequence"]
        if not wanted["checksum"] <= got["checksum"] <= wanted["checksum"] + either:
            self.failures.append(f"rejected, checksum: {got['checksum']:g}, expected {wanted['checksum']} and at most {either} more")
        rows = [self.check("rejected, checksum or nonce", got["checksum"] + got["nonce"],
                           wanted["checksum"] + wanted["nonce"] + either)]
        rows += [[f"of these {reason}", f"{got[reason]:g}", f"{wanted[reason]} + (0 to {either})"]
                 for reason in ("checksum", "nonce")]
        return rows + [self.check(f"rejected, {reason}", got[reason], wanted[reason])
                       for reason in ("source", "truncated", "residence", "unstamped")]

    def times(self):
        buckets, rtts = Counter(), self.expected.rtts
        for peer in self.peers:
            buckets.update({bound: count for bound, count in peer["buckets"]})
        total = metric(self.metrics, "rtt_seconds_count")
        self.check("RTTs", total + metric(self.metrics, "samples_dropped_total"), len(rtts))
        mean = metric(self.metrics, "rtt_seconds_sum") / max(total, 1)
        rows = [self.near("RTT, mean", mean, sum(rtts) / max(len(rtts), 1), ABOVE_SHARE)]
        for share, above in ((0.01, ABOVE_SHARE), (0.5, ABOVE_SHARE), (0.99, ABOVE_SHARE_WORST)):
            got, wanted = bucket_quantile(buckets, share), quantile(rtts, share)
            rows.append(self.near(f"RTT, p{share * 100:g}", got, wanted, above + BUCKET_SHARE))
        return rows

    def netems(self):
        """[way, offered, netem: sent, dropped; tcpdump: arrived, lost, twice, damaged]"""
        rows = []
        for name, way in (("there", self.there), ("back", self.back)):
            self.check(f"frames {name} that nobody sent", way.strange, 0)
            self.check(f"frames {name}", way.arrived, way.offered - way.lost + way.twice)
            qdisc, sent, dropped = self.qdisc[name], "", ""
            if qdisc:
                sent, dropped = qdisc["packets"], qdisc["drops"]
                self.check(f"sent by netem, {name}", sent, way.arrived)
                # Of a doubled frame one may be lost: netem counts that, at the far end nothing is missing.
                both_share = 5 + 5 * TOLD["twice"] * TOLD["loss"] * way.offered if way.twice else 0
                if not way.lost <= dropped <= way.lost + both_share:
                    self.failures.append(f"dropped by netem, {name}: {dropped}, by tcpdump {way.lost}")
            rows.append([name, way.offered, sent, dropped, way.arrived, way.lost, way.twice, way.damaged])
        return rows

    def recorded_well(self):
        for end, said in self.said.items():
            if "0 packets dropped by kernel" not in said:
                self.failures.append(f"tcpdump at {end}: {said.strip().splitlines()[-1]}")
        if self.name == "loss":
            for way in (self.there, self.back):
                for what, share, got in (("loss", TOLD["loss"], way.lost), ("twice", TOLD["twice"], way.twice),
                                         ("damaged", TOLD["damaged"], way.damaged)):
                    wanted = share * way.offered
                    if abs(got - wanted) > 5 * (wanted * (1 - share)) ** 0.5:
                        self.failures.append(f"netem was told {what} {share:g}, of {way.offered} frames were {got}")
        elif self.name == "reordering" and self.expected.reordered == 0:
            self.failures.append("nothing was reordered")
        elif self.name == "jitter" and quantile(self.expected.rtts, 0.99) < 1.3 * quantile(self.expected.rtts, 0.01):
            self.failures.append("no jitter")
        elif self.name == "rate" and min(self.expected.rtts, default=0) < 0.002:
            self.failures.append("faster than the rate")


def print_table(head, rows):
    for row in [head, ["---"] * len(head)] + rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def main():
    failed = 0
    for name in ("loss", "jitter", "reordering", "rate"):
        run = Run(Path(sys.argv[1]) / name, int(sys.argv[2]))
        run.recorded_well()
        figures, ways = run.exporter(), run.netems()
        failed += bool(run.failures)
        reason = "; ".join(run.failures) or f"{run.expected.sent} probes, every count as tcpdump's"
        print(f"{'FAIL' if run.failures else 'PASS'} netem_{name} {reason}")
        print_table(["figure", "exporter", "by tcpdump"], figures)
        print_table(["way", "offered", "netem sent", "netem dropped", "arrived", "lost", "twice", "damaged"], ways)
    print(f"netem: {4 - failed} passed, {failed} failed; {sys.argv[3]} s in the machine")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
