#!/usr/bin/python3 -B
"""What kube-canary costs a node, the network, the DNS and Prometheus at 100 to 50,000 nodes: a section for the README.

Not a measurement of its own: the mesh is simulated with the program's own code (mesh_table), the figures of one node are
those that the README has (memory, series) and that the benchmark wrote (scale.json, scrape.json), all others are computed.
"""
import argparse
import json
import math
import re
import sys
import textwrap

from table import OUT, TOP, markdown, number
from hosts import BenchError, command
from tools import helper

SIZES = (100, 1000, 5000, 50000)
MESHES = {100: 100, 1000: 10, 5000: 2, 50000: 1}
ZONES_FEW, ZONES_MANY = 3, 20
# A frame: Ethernet with its check sequence, IPv4, UDP, 44 octets of STAMP; one probe a minute asks for the name, and
# carries a TLV of 324 octets, as does its reply. Preamble and gap between frames not counted.
FRAME = 14 + 4 + 20 + 8 + 44
IDENTITY = 324
DNS_HEADER, DNS_RECORD, DNS_MAX = 12 + 80, 16, 65535
DNS_TTL = 30
# Bytes of Prometheus' memory for each active series. Least: Brian Brazil, "How much RAM does Prometheus 2.x need for
# cardinality and ingestion", about 2 GiB a million; most: the rule in prometheus/prometheus#4553, 8 kB.
SERIES_LEAST, SERIES_MOST = 2048, 8192
SCRAPE = {100: 15, 1000: 15, 5000: 30, 50000: 60}


def mesh(nodes, zones):
    """Of a simulated mesh: pairs, and how many a node probes and is probed by: (median, most) each."""
    text = command([helper("mesh_table"), str(nodes), str(zones), str(MESHES[nodes])])
    cells = [cell.strip().replace(",", "") for cell in text.splitlines()[-1].split("|")]
    spreads = [[int(value) for value in cell.split(" / ")] for cell in cells[4:6]]
    return {"pairs": int(cells[3]), "probes": (spreads[0][1], spreads[0][3]), "probed": (spreads[1][1], spreads[1][3])}


class Readme:
    """The figures of a node, from where they are told and checked."""

    def __init__(self):
        self.text = (TOP / "README.md").read_text()
        words = re.search(r"A node has (\d+) series of its own, (\d+) for each interface, (\d+) for each zone .*? and (\d+) "
                          r"for\s+each peer that is listed; with native histograms (\d+) for each zone and (\d+) for each peer",
                          self.text, re.DOTALL)
        if not words:
            raise BenchError("README.md does not say how many series there are")
        self.own, self.interface, self.zone, self.peer, self.zone_native, self.peer_native = map(int, words.groups())
        limit = re.search(r"--peers\.max=N .*?1 to (\d+)", self.text)
        self.peers_max = int(limit.group(1))
        rows = re.findall(r"^\| ([\d,]+)[^|]*\| (\d+)(?: \(the ring\))? \|[^|]*\|[^|]*\| \**([\d,]+)\** \|", self.text, re.M)
        ring = [[int(cell.replace(",", "")) for cell in row] for row in rows if row[1] == "16"]
        self.memory = {known: pss for known, _, pss in ring}
        if not {100, 5000} <= set(self.memory):
            raise BenchError("README.md has no memory of rings of 100 and 5,000")

    def series(self, zones, peers, native):
        zone, peer = (self.zone_native, self.peer_native) if native else (self.zone, self.peer)
        return self.own + self.interface + zone * (zones + 1) + peer * peers

    def memory_kb(self, nodes):
        """Measured, or by what each further known peer took between the two largest measured ones."""
        if nodes in self.memory:
            return self.memory[nodes], ""
        known = figure("scale", f"{nodes:,} nodes known, 16 probed: PSS of both processes")
        if known:
            return known, ""
        low, high = sorted(self.memory)[-2:]
        return self.memory[high] + (nodes - high) * (self.memory[high] - self.memory[low]) / (high - low), " (computed)"


def figure(question, what):
    """Of ours, a value that the benchmark wrote, or None."""
    path = OUT / f"{question}.json"
    if not path.exists():
        return None
    rows = json.loads(path.read_text())["rows"]
    return next((row["value"] for row in rows if row["what"] == what and row["who"] == "kube-canary"), None)


def rate(bits):
    for limit, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits >= limit:
            return f"{bits / limit:.3g} {unit}"
    return f"{bits:.0f} bit/s"


def octets(count):
    for limit, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count:.0f} B"


def many(count):
    return f"{count / 1e6:.3g} million" if count >= 1e6 else f"{count:,.0f}"


def node_line(readme, nodes, few, wide):
    frame = FRAME + IDENTITY / 60
    probes, probed = few["probes"][0], few["probed"][0]
    memory, computed = readme.memory_kb(nodes)
    bits = 8 * frame * (probes + probed)
    return [f"{nodes:,}", f"{probes}; {probed} ({wide['probes'][0]}; {wide['probed'][0]}, at most {wide['probed'][1]})",
            f"{many(few['pairs'])} ({many(wide['pairs'])})", f"{rate(bits)} each way", rate(few["pairs"] * 2 * 8 * frame),
            f"{memory / 1024:.2g} MiB{computed}"]


def server_line(readme, nodes, few):
    cells = [f"{nodes:,}", f"{SCRAPE[nodes]} s"]
    for native, peers in ((False, few["probes"][0]), (True, few["probes"][0]), (True, 0)):
        one = readme.series(ZONES_FEW, peers, native)
        series = nodes * one
        cells.append(f"{one:,}; {many(series)}; {octets(series * SERIES_LEAST)} to {octets(series * SERIES_MOST)}; "
                     f"{many(series / SCRAPE[nodes])}/s")
    return cells


def dns_line(nodes):
    size = DNS_HEADER + DNS_RECORD * nodes
    names = math.ceil(size / DNS_MAX)
    told = f"{names} names" if names > 1 else "1 name"
    if names > 8:
        told = f"{names} names, of 8 that can be given: use a file"
    return [f"{nodes:,}", f"{size:,}", told, f"{octets(nodes * size / DNS_TTL)}/s", f"{math.ceil(nodes / 100):,}"]


def settings(readme, nodes):
    """Options, where peers come from, --metrics.per-peer."""
    if nodes <= 100:
        return ["all defaults", "a headless Service", "`all`"]
    if nodes <= 1000:
        return ["all defaults", "a headless Service", "`all`, native histograms"]
    if nodes <= 5000:
        return ["`--peers.max=6144`", "a file, or two names: a Service of some zones' pods each",
                "`all`, native histograms; else `worst:10`"]
    if nodes <= readme.peers_max:
        return [f"`--peers.max={readme.peers_max}`; better a mesh for each cluster or region, with `--peers.static` for the "
                "few pairs across", "a file", "`none`, or `worst:5`, native histograms"]
    return [f"a mesh each of up to {readme.peers_max:,}, by cluster or region; `--peers.static` for the few pairs across",
            "as for each mesh", "`none`, or `worst:5`, native histograms"]


MEASURED = (
    ("a probe at full rate takes {} us of CPU, with the kernel's part in it", "scale",
     "ICMP, answered by the far kernel: CPU of a probe at that rate"),
    ("the first full round of 5,000 peers ends {} s after the start", "scale",
     "5,000 peers: from the start to the end of the first full round"),
    ("a scrape of 5,000 peers as text takes {} ms of CPU", "scrape", "scrape of 5,000 peers, text: CPU"),
    ("one of 100 peers {} ms", "scrape", "scrape of 100 peers, text: CPU"),
    ("a node that knows 50,000 others is ready after {} s", "scale", "50,000 nodes known, 16 probed: ready after"),
    ("and takes in a list in which one line is another in {} ms of CPU", "scale",
     "50,000 nodes known, 16 probed: CPU of a peers file with another line"),
)


def measured():
    found = [(text, figure(question, what)) for text, question, what in MEASURED]
    lines = [text.format(number(value)) for text, value in found if value is not None]
    return textwrap.fill(f"Measured by `make bench`: {'; '.join(lines)}.", 140) + "\n" if lines else ""


TEXT = """### To internet scale

Simulated (who probes whom, by the program's own code), measured (memory, series) and computed (all else), for the default ring
of 16, one probe a second, {few} zones that are known; in brackets {many} zones, where each node probes one of every zone at least.
`make internet-scale` makes these tables.

**A node and the network.** A probe is a frame of {frame} octets, {mean:.1f} on average with the names that are asked for once a
minute; a reply has the same size.

{nodes}

{measured}
**Series and Prometheus.** Series of a node; of all nodes; memory of Prometheus at {least} to {most} KiB for each active series; samples
that come in. The least is by Robust Perception's calculation for Prometheus 2.x, the most the developers' rule of thumb
(prometheus/prometheus#4553), to which native histograms are nearer. More than some ten million series are several servers' work. With
{many} zones known a node has {wide:,} series with `all`, {wide_native:,} with native histograms.

{server}

**DNS,** computed: an IPv4 address takes {record} octets of an answer, which ends at {answer:,}: about 4,000 addresses. Traffic is of
all nodes together, each asking again after a TTL of {ttl} s. Kubernetes itself is made for 5,000 nodes in a cluster, and its
EndpointSlices hold 100 addresses each unless set otherwise.

{dns}

**What to set:**

{settings}

**The limit is {limit:,} addresses** (`--peers.max`; more is refused at the start). Where the sources name more than
`--peers.max`, the surplus is not known, is counted (`kube_canary_peers_surplus`) and logged; nodes then see different rings, and
their watchers are not even any more."""


def section(sizes):
    readme = Readme()
    few = {nodes: mesh(nodes, ZONES_FEW) for nodes in sizes}
    wide = {nodes: mesh(nodes, ZONES_MANY) for nodes in sizes}
    largest = max(sizes)
    return TEXT.format(
        few=ZONES_FEW, many=ZONES_MANY, frame=FRAME, mean=FRAME + IDENTITY / 60, least=SERIES_LEAST // 1024,
        most=SERIES_MOST // 1024, record=DNS_RECORD, answer=DNS_MAX, ttl=DNS_TTL, limit=readme.peers_max, measured=measured(),
        wide=readme.series(ZONES_MANY, wide[largest]["probes"][0], False),
        wide_native=readme.series(ZONES_MANY, wide[largest]["probes"][0], True),
        nodes=markdown(["nodes", "a node probes; is probed by", "probes/s in all", "of a node", "of the network", "PSS of a node"],
                       [node_line(readme, nodes, few[nodes], wide[nodes]) for nodes in sizes]),
        server=markdown(["nodes", "scraped every", "`all`", "`all`, native histograms", "`none`, native histograms"],
                        [server_line(readme, nodes, few[nodes]) for nodes in sizes]),
        dns=markdown(["nodes", "octets of the answer", "takes", "traffic", "EndpointSlices"], map(dns_line, sizes)),
        settings=markdown(["nodes", "options", "peers from", "`--metrics.per-peer`", "scrape"],
                          [[f"{nodes:,}", *settings(readme, nodes), f"{SCRAPE[nodes]} s"] for nodes in sizes]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without 50,000 nodes, whose simulation takes two minutes")
    arguments = parser.parse_args()
    try:
        print(section(SIZES[:-1] if arguments.quick else SIZES))
    except (BenchError, OSError) as error:
        print(f"internet_scale: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
