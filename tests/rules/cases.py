#!/usr/bin/env python3
"""Writes the cases for `promtool test rules`, one file each: a mesh whose counters are worked out minute by minute from
what befalls it, and the alerts that must fire, at every minute, and no others. Knows nothing of how rules are written.

cases.py RULES-FOLDER OUTPUT-FOLDER"""
import json
import os
import re
import sys

STEP = 30  # seconds between scrapes
PROBES = 30  # in a step
GONE = None  # no sample: the scrape failed, or the series is no more


class Mesh:
    """All nodes probe all others, once a second. What befalls them is told by functions of the minute, replaced by cases."""

    def __init__(self, zones, minutes):
        self.zones, self.minutes = zones, minutes
        self.lost = lambda minute, source, peer: 0.0
        self.refused = lambda minute, source, peer: 0.0
        self.unstamped = lambda minute, source, peer: 0.0
        self.forward = lambda minute, source, peer: 0.0  # share of the lost ones
        self.backward = lambda minute, source, peer: 0.0
        self.state = lambda minute, source, peer: "probed"  # or "lingering", or GONE
        self.probes = lambda source, peer: True
        self.listed = lambda source, peer: True
        self.scraped = lambda minute, node: True
        self.target = lambda minute, node: True
        self.begun = lambda minute, node: 0  # when the canary last started: its counters are 0 then
        self.pod = lambda minute, node: ""
        self.series = {}
        self.time = 0

    def put(self, name, node, labels, value):
        labels = {"job": "kube-canary", "node": node, "zone": self.zones.get(node, ""), "instance": node, **labels}
        text = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels) if labels[key])
        self.series.setdefault(f"{name}{{{text}}}", {})[self.time] = value

    def run(self):
        totals, started = {}, {}
        for self.time in range(0, self.minutes * 60 + 1, STEP):
            minute = self.time / 60
            for node in self.zones:
                if started.get(node) != self.begun(minute, node):
                    started[node] = self.begun(minute, node)
                    totals = {key: value for key, value in totals.items() if key[0] != node}
                self.step(minute, node, totals)
        return [{"series": name, "values": notation(values, self.minutes * 60)} for name, values in self.series.items()]

    def step(self, minute, node, totals):
        aggregates, unlisted = {}, 0
        peers = [peer for peer in self.peers(node) if self.state(minute, node, peer)]
        for peer in peers:
            share = {"lost": self.lost(minute, node, peer), "refused": self.refused(minute, node, peer)}
            share["unstamped"] = self.unstamped(minute, node, peer)
            share["lost_forward"] = share["lost"] * self.forward(minute, node, peer)
            share["lost_backward"] = share["lost"] * self.backward(minute, node, peer)
            share["sent"] = 1
            for verdict, part in share.items():
                key = node, peer, verdict
                totals[key] = totals.get(key, 0) + part * PROBES
                zone = self.zones.get(peer, ""), verdict
                totals[(node, *zone, "zone")] = totals.get((node, *zone, "zone"), 0) + part * PROBES
                aggregates[zone] = totals[(node, *zone, "zone")]
        if not self.target(minute, node):
            return
        scraped, pod = self.scraped(minute, node), {"pod": self.pod(minute, node)}
        self.put("up", node, pod, int(scraped))
        if not scraped:
            return
        for (zone, verdict), total in aggregates.items():
            self.put(f"kube_canary_zone_probes_{verdict}_total", node, {"peer_zone": zone, **pod}, total)
        for peer in peers:
            if not self.listed(node, peer):
                unlisted += 1
                continue
            self.put("kube_canary_peer_info", node, {"peer": peer, "address": "of " + peer, "probe": "stamp", **pod,
                     "peer_zone": self.zones.get(peer, ""), "state": self.state(minute, node, peer)}, 1)
            for verdict in "sent", "lost", "lost_forward", "lost_backward", "refused":
                self.put(f"kube_canary_probes_{verdict}_total", node, {"peer": peer, **pod}, totals[node, peer, verdict])
        lingering = sum(self.state(minute, node, peer) == "lingering" for peer in peers)
        for state, count in ("probed", len(peers)), ("unlisted", unlisted), ("lingering", lingering):
            self.put("kube_canary_peers", node, {"state": state, **pod}, count)

    def peers(self, node):
        return [peer for peer in self.everybody() if peer != node and self.probes(node, peer)]

    def everybody(self):
        return self.zones


def notation(values, end):
    """Prometheus marks a series stale at the first scrape that lacks it."""
    words, there = [], False
    for time in range(0, end + 1, STEP):
        value = values.get(time, GONE)
        words.append(f"{value:.10g}" if value is not GONE else "stale" if there else "_")
        there = value is not GONE
    return " ".join(words)


cases = {}


def case(name, zones=None, minutes=60):
    """The function gets a mesh, and returns what must fire: (from minute, to minute, alerts)… . What it may yield besides
    are further series."""

    def add(function):
        mesh = Mesh(dict(zones or FIVE), minutes)
        told = function(mesh)
        expected, more = told if isinstance(told, tuple) else (told, [])
        cases[name] = {"series": mesh.run() + more, "expected": expected, "minutes": minutes}
        return function

    return add


def plain_case(name, series, expected, minutes, scrape=60):
    cases[name] = {"series": [{"series": key, "values": value} for key, value in series.items()], "expected": expected,
                   "minutes": minutes, "interval": scrape, "evaluation": 2 * scrape}


def alert(name, severity, **labels):
    return f"KubeCanary{name}", severity, labels


def isolated(node):
    return alert("NodeIsolated", "critical", node=node)


def pair(mesh, source, peer, name="PairLoss", severity="warning", **more):
    labels = {"node": source, "zone": mesh.zones.get(source, ""), "peer": peer, **more}
    if name == "PairLoss":
        labels["peer_zone"] = mesh.zones.get(peer, "")
    return alert(name, severity, **labels)


def zone_loss(severity, zone, peer_zone):
    return alert("ZoneLoss", severity, zone=zone, peer_zone=peer_zone)


def down(mesh, node):
    return alert("Down", "warning", node=node, zone=mesh.zones[node], instance=node)


def during(begin, end, share=1.0):
    """A share of the probes, between these minutes."""
    return lambda minute: share if begin <= minute < end else 0.0


def between(node, befalls):
    return lambda minute, source, peer: befalls(minute) if node in (source, peer) else 0.0


FIVE = {"n1": "a", "n2": "a", "n3": "a", "n4": "b", "n5": "b"}
EIGHT = {f"n{number}": "a" if number < 5 else "b" for number in range(1, 9)}

# --- nothing at all


@case("healthy")
def _(mesh):
    return [(0, 60, [])]


@case("healthy-without-zones", {name: "" for name in FIVE})
def _(mesh):
    return [(0, 60, [])]


@case("one-lost-now-and-then")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 1 / 30 if minute % 10 == 0 else 0.0
    return [(0, 60, [])]


# --- a node cut off


@case("isolated")
def _(mesh):
    mesh.lost = between("n5", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])]


@case("isolated-and-not-scraped")
def _(mesh):
    mesh.lost = between("n5", during(10, 40))
    mesh.scraped = lambda minute, node: node != "n5" or not 10 <= minute < 40
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])]


@case("isolated-alone-in-its-zone", {"n1": "a", "n2": "a", "n3": "a", "n4": "b"})
def _(mesh):
    mesh.lost = between("n4", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n4")]), (44, 60, [])]


@case("isolated-without-zones", {name: "" for name in FIVE})
def _(mesh):
    mesh.lost = between("n5", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])]


@case("isolated-of-three", {"n1": "a", "n2": "a", "n3": "b"})
def _(mesh):
    mesh.lost = between("n3", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n3")]), (44, 60, [])]


@case("isolated-but-one-still-reaches-it", EIGHT)
def _(mesh):
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and "n8" in (source, peer) and
                                                   "n1" not in (source, peer))
    return [(0, 13, []), (15, 40, [isolated("n8")]), (44, 60, [])]


@case("isolated-two-of-six", {**FIVE, "n6": "a"})
def _(mesh):
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and bool({"n4", "n5"} & {source, peer}))
    return [(0, 13, []), (15, 40, [isolated("n4"), isolated("n5")]), (44, 60, [])]


@case("isolated-four-of-six", {**FIVE, "n6": "a"})
def _(mesh):  # those cut off have no voice, so the two others are not told to be
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and not {source, peer} <= {"n1", "n2"})
    return [(0, 13, []), (15, 40, [isolated(node) for node in ("n3", "n4", "n5", "n6")]), (44, 60, [])]


@case("isolated-one-way")
def _(mesh):  # its own probes return, a firewall drops those of the others
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and peer == "n5")
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])]


@case("isolated-by-its-own-word")
def _(mesh):  # nobody's pairs have series (--metrics.per-peer=none)
    mesh.listed = lambda source, peer: False
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and source == "n5")
    return [(0, 14, []), (17, 38, [isolated("n5")]), (42, 60, [])]


@case("isolated-one-scrape-missing")
def _(mesh):  # of one of those that tell, while the alert fires
    mesh.lost = between("n5", during(10, 60))
    mesh.scraped = lambda minute, node: not (node == "n1" and minute == 30)
    return [(0, 13, []), (15, 60, [isolated("n5")])]


@case("isolated-beside-a-bad-pair")
def _(mesh):  # which is told as well, and only that one
    mesh.lost = lambda minute, source, peer: (1.0 if minute >= 10 and "n5" in (source, peer) else
                                              0.05 if (source, peer) == ("n1", "n2") else 0.0)
    return [(0, 9, []), (15, 60, [isolated("n5"), pair(mesh, "n1", "n2")])]


def cordoned(node, begin, end):
    return [{"series": f'kube_node_spec_unschedulable{{job="kube-state-metrics",node="{one}"}}',
             "values": f"0x{2 * begin - 1} {int(one == node)}x{2 * (end - begin) - 1} 0x200"} for one in FIVE]


@case("isolated-and-cordoned")
def _(mesh):  # neither the node nor its pairs nor its canary
    mesh.lost = between("n5", during(10, 40))
    mesh.scraped = lambda minute, node: node != "n5" or not 10 <= minute < 40
    return [(0, 60, [])], cordoned("n5", 8, 50)


@case("isolated-beside-a-cordoned-node")
def _(mesh):
    mesh.lost = between("n5", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])], cordoned("n4", 8, 50)


@case("isolated-and-cordoned-no-more")
def _(mesh):
    mesh.lost = between("n5", during(10, 50))
    return [(0, 30, []), (32, 50, [isolated("n5")]), (54, 60, [])], cordoned("n5", 8, 30)


@case("isolated-for-a-moment")
def _(mesh):  # two minutes: neither this nor the pairs of that node
    mesh.lost = between("n5", during(10, 12))
    return [(0, 60, [])]


@case("most-pairs-of-a-node", EIGHT)
def _(mesh):  # five of seven: not cut off yet
    bad = {"n1", "n2", "n3", "n5", "n6"}
    mesh.lost = lambda minute, source, peer: float(minute >= 10 and peer == "n8" and source in bad)
    return [(0, 19, []), (21, 60, [pair(mesh, source, "n8") for source in sorted(bad)])]


@case("worst-only-does-not-isolate", EIGHT)
def _(mesh):  # four of seven lose it, and only those list it: all that list it lose it. It reaches most others.
    # Nor can it be told whether others to its zone are lost as well.
    bad = {"n1", "n2", "n3", "n5"}
    mesh.listed = lambda source, peer: peer == "n8" and source in bad or peer == "n1"
    mesh.lost = lambda minute, source, peer: float(minute >= 10 and peer == "n8" and source in bad)
    pairs = [pair(mesh, source, "n8") for source in sorted(bad)]
    return [(0, 19, []), (21, 24, pairs), (27, 60, [*pairs, zone_loss("warning", "a", "b")])]


@case("worst-only-isolates", EIGHT)
def _(mesh):
    mesh.listed = lambda source, peer: peer == "n8" or source == "n8" and peer == "n1"
    mesh.lost = between("n8", during(10, 40))
    mesh.scraped = lambda minute, node: node != "n8" or not 10 <= minute < 40
    return [(0, 13, []), (15, 40, [isolated("n8")]), (44, 60, [])]


@case("gateway-of-two", EIGHT)
def _(mesh):  # somebody whom only two probe is not cut off from the mesh
    mesh.everybody = lambda: [*EIGHT, "gateway"]
    mesh.probes = lambda source, peer: peer != "gateway" or source in ("n1", "n2")
    mesh.lost = lambda minute, source, peer: float(peer == "gateway")
    return [(0, 9, []), (12, 60, [pair(mesh, "n1", "gateway"), pair(mesh, "n2", "gateway")])]


# --- pairs


@case("pair-loss")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.05 if 10 <= minute < 40 and (source, peer) == ("n1", "n2") else 0.0
    return [(0, 19, []), (21, 40, [pair(mesh, "n1", "n2")]), (46, 60, [])]


@case("pair-dead")
def _(mesh):
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40 and {source, peer} == {"n1", "n4"})
    return [(0, 19, []), (21, 40, [pair(mesh, "n1", "n4"), pair(mesh, "n4", "n1")]), (46, 60, [])]


@case("pair-of-two", {"n1": "a", "n2": "a"})
def _(mesh):
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 40)
    return [(0, 19, []), (21, 40, [pair(mesh, "n1", "n2"), pair(mesh, "n2", "n1")]), (46, 60, [])]


@case("pair-short-outage")
def _(mesh):
    mesh.lost = lambda minute, source, peer: float(10 <= minute < 14 and (source, peer) == ("n1", "n2"))
    return [(0, 60, [])]


@case("pair-one-scrape-missing")
def _(mesh):  # neither ends the alert nor begins another
    mesh.lost = lambda minute, source, peer: 0.05 if minute >= 10 and (source, peer) == ("n1", "n2") else 0.0
    mesh.scraped = lambda minute, node: not (node == "n1" and minute in (15, 30))
    return [(0, 19, []), (21, 60, [pair(mesh, "n1", "n2")])]


@case("pair-one-scrape-missing-in-health")
def _(mesh):
    mesh.scraped = lambda minute, node: minute not in (20, 30)
    return [(0, 60, [])]


@case("pair-both-names-of-a-zone")
def _(mesh):  # the zone of a peer is learnt: two peer_info of one pair in one window
    mesh.lost = lambda minute, source, peer: 0.05 if (source, peer) == ("n1", "n2") else 0.0
    labels = 'address="of n2",instance="n1",job="kube-canary",node="n1",peer="n2",probe="stamp",state="probed",zone="a"'
    return [(11, 60, [pair(mesh, "n1", "n2")])], [{"series": f"kube_canary_peer_info{{{labels}}}",
                                                   "values": "1x59 stale"}]


@case("one-way-forward")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.1 if 10 <= minute < 40 and (source, peer) == ("n1", "n2") else 0.0
    mesh.forward = lambda minute, source, peer: 0.9
    return [(0, 19, []), (21, 40, [pair(mesh, "n1", "n2"), pair(mesh, "n1", "n2", "OneWayLoss", "info", direction="forward")]),
            (46, 60, [])]


@case("one-way-backward")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.1 if 10 <= minute < 40 and (source, peer) == ("n1", "n2") else 0.0
    mesh.backward = lambda minute, source, peer: 1.0
    return [(0, 19, []), (21, 40, [pair(mesh, "n1", "n2"), pair(mesh, "n1", "n2", "OneWayLoss", "info", direction="backward")]),
            (46, 60, [])]


@case("both-ways")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.1 if minute >= 10 and (source, peer) == ("n1", "n2") else 0.0
    mesh.forward = mesh.backward = lambda minute, source, peer: 0.5
    return [(0, 19, []), (21, 60, [pair(mesh, "n1", "n2")])]


@case("one-way-of-a-cut-off-node")
def _(mesh):
    mesh.lost = between("n5", during(10, 60, 0.95))
    mesh.forward = lambda minute, source, peer: 1.0
    return [(0, 13, []), (15, 60, [isolated("n5")])]


# --- zones


def across(mesh, befalls):
    return lambda minute, source, peer: befalls(minute) if mesh.zones[source] != mesh.zones[peer] else 0.0


BOTH = ("a", "b"), ("b", "a")


@case("zone-cut", EIGHT)
def _(mesh):
    mesh.lost = across(mesh, during(10, 40))
    heavy = [zone_loss("critical", *zones) for zones in BOTH]
    mild = [zone_loss("warning", *zones) for zones in BOTH]
    return [(0, 13, []), (16, 24, heavy), (27, 40, heavy + mild), (46, 60, [])]


@case("zone-some-loss", EIGHT)
def _(mesh):  # 3 % everywhere: no pair by itself
    mesh.lost = across(mesh, during(10, 40, 0.03))
    return [(0, 25, []), (28, 40, [zone_loss("warning", *zones) for zones in BOTH]), (46, 60, [])]


@case("zone-one-way", EIGHT)
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.6 if minute >= 10 and (mesh.zones[source], mesh.zones[peer]) == ("a", "b") else 0.0
    return [(0, 13, []), (17, 24, [zone_loss("critical", "a", "b")]),
            (27, 60, [zone_loss("critical", "a", "b"), zone_loss("warning", "a", "b")])]


@case("zone-whole-mesh-without-zones", {name: "" for name in EIGHT})
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.05 if minute >= 10 else 0.0
    return [(0, 25, []), (28, 60, [zone_loss("warning", "", "")])]


@case("zone-some-loss-and-a-worse-pair", EIGHT)
def _(mesh):  # which stands out of what its zones lose
    mesh.lost = lambda minute, source, peer: (0.4 if (source, peer) == ("n1", "n8") else
                                              0.03 if mesh.zones[source] != mesh.zones[peer] else 0.0)
    return [(12, 14, [pair(mesh, "n1", "n8")]),
            (18, 60, [pair(mesh, "n1", "n8")] + [zone_loss("warning", *zones) for zones in BOTH])]


@case("zone-of-one-bad-node-is-not-the-zone", EIGHT)
def _(mesh):  # its pairs are told; n8 is a quarter of the pairs of its zone, but the way within "a" is well
    mesh.lost = lambda minute, source, peer: 0.2 if minute >= 10 and (source, peer) in (("n1", "n8"), ("n2", "n8")) else 0.0
    return [(0, 19, []), (21, 60, [pair(mesh, "n1", "n8"), pair(mesh, "n2", "n8")])]


@case("zone-without-pairs", EIGHT)
def _(mesh):  # --metrics.per-peer=none
    mesh.listed = lambda source, peer: False
    mesh.lost = across(mesh, during(10, 40, 0.6))
    heavy = [zone_loss("critical", *zones) for zones in BOTH]
    mild = [zone_loss("warning", *zones) for zones in BOTH]
    return [(0, 13, []), (17, 24, heavy), (27, 40, heavy + mild), (46, 60, [])]


@case("zone-one-node-without-pairs", EIGHT)
def _(mesh):
    mesh.listed = lambda source, peer: False
    mesh.lost = lambda minute, source, peer: 0.2 if minute >= 10 and source == "n1" else 0.0
    return [(0, 60, [])]


# --- who comes and goes


def removed(mesh, node, minute, linger):
    """Its host is gone at once: a minute of loss, then nobody names it any more, it lingers, its series end."""
    mesh.lost = lambda now, source, peer: float(now >= minute and node in (source, peer))
    mesh.target = lambda now, one: one != node or now < minute + 1
    mesh.scraped = lambda now, one: one != node or now < minute
    mesh.state = lambda now, source, peer: ("probed" if peer != node or now < minute + 1 else
                                            "lingering" if now < minute + 1 + linger else GONE)


def kube_nodes(nodes, minute=0, gone=()):
    """As kube-state-metrics tells it."""
    return [{"series": f'kube_node_info{{job="kube-state-metrics",node="{node}"}}',
             "values": f"1x{minute * 2} stale" if node in gone else "1x200"} for node in nodes]


@case("autoscaler")
def _(mesh):
    removed(mesh, "n5", 10, 5)
    return [(0, 60, [])]


@case("autoscaler-takes-two-of-five")
def _(mesh):
    removed(mesh, "n5", 10, 5)
    lost, state, target = mesh.lost, mesh.state, mesh.target
    mesh.lost = lambda now, source, peer: max(lost(now, source, peer), float(now >= 10 and "n4" in (source, peer)))
    mesh.state = lambda now, source, peer: state(now, source, "n5" if peer == "n4" else peer)
    mesh.target = lambda now, node: target(now, "n5" if node == "n4" else node)
    mesh.scraped = lambda now, node: node not in ("n4", "n5") or now < 10
    return [(0, 60, [])]


@case("autoscaler-long-linger")
def _(mesh):
    removed(mesh, "n5", 10, 30)
    return [(0, 60, [])]


@case("autoscaler-no-linger")
def _(mesh):
    removed(mesh, "n5", 10, 0)
    return [(0, 60, [])]


@case("autoscaler-without-pairs")
def _(mesh):
    removed(mesh, "n5", 10, 5)
    mesh.listed = lambda source, peer: False
    return [(0, 60, [])]


@case("autoscaler-and-kube-node-info")
def _(mesh):
    removed(mesh, "n5", 10, 30)
    return [(0, 60, [])], kube_nodes(FIVE, 11, ["n5"])


@case("lingering-but-the-node-is-there")
def _(mesh):  # its pod was deleted by force, its host is not to be reached: not an autoscaler's doing
    removed(mesh, "n5", 10, 30)
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])], kube_nodes(FIVE)


@case("no-node-of-kubernetes")
def _(mesh):  # a peer from a file, which kube-state-metrics never knew, is not taken for removed
    mesh.lost = between("n5", during(10, 40))
    return [(0, 13, []), (15, 40, [isolated("n5")]), (44, 60, [])], kube_nodes(["n1", "n2", "n3", "n4"])


@case("came-back-while-lingering")
def _(mesh):  # and is cut off later
    mesh.state = lambda now, source, peer: "lingering" if peer == "n5" and 5 <= now < 8 else "probed"
    mesh.lost = between("n5", during(20, 40))
    return [(0, 23, []), (25, 40, [isolated("n5")]), (44, 60, [])]


@case("drained")
def _(mesh):  # refuses, lingers not
    mesh.refused = lambda now, source, peer: float(now >= 10 and peer == "n5")
    mesh.state = lambda now, source, peer: "probed" if peer != "n5" or now < 12 else GONE
    mesh.target = lambda now, node: node != "n5" or now < 10
    return [(0, 60, [])]


@case("upgrade-rolls")
def _(mesh):  # a minute each: refused, not scraped, then a new pod whose counters are at 0
    when = {f"n{number}": 5 + 2 * number for number in range(1, 6)}
    mesh.refused = lambda now, source, peer: float(when[peer] <= now < when[peer] + 1)
    mesh.scraped = lambda now, node: not when[node] <= now < when[node] + 1
    mesh.begun = lambda now, node: when[node] + 1 if now >= when[node] + 1 else 0
    mesh.pod = lambda now, node: f"{node}-{int(now >= when[node] + 1)}"
    return [(0, 60, [])]


@case("restart-with-loss-before")
def _(mesh):  # counters that fall are no loss, and no negative one
    mesh.lost = lambda minute, source, peer: 0.005
    mesh.begun = lambda minute, node: 30 if minute >= 30 else 0
    return [(0, 60, [])]


@case("restart-while-a-pair-loses")
def _(mesh):
    mesh.lost = lambda minute, source, peer: 0.05 if (source, peer) == ("n1", "n2") else 0.0
    mesh.begun = lambda minute, node: 30 if minute >= 30 else 0
    return [(11, 60, [pair(mesh, "n1", "n2")])]


@case("refused")
def _(mesh):  # who answers that nobody listens is there
    mesh.refused = lambda minute, source, peer: float(minute >= 10 and peer == "n5")
    return [(0, 60, [])]


# --- the canary itself


@case("down")
def _(mesh):  # it was killed: its host refuses probes
    mesh.refused = lambda minute, source, peer: float(10 <= minute < 40 and peer == "n5")
    mesh.scraped = lambda minute, node: node != "n5" or not 10 <= minute < 40
    return [(0, 14, []), (16, 39, [down(mesh, "n5")]), (41, 60, [])]


@case("down-and-rarely-refused")
def _(mesh):  # ten probes a second, of which kernels answer one
    mesh.refused = lambda minute, source, peer: 0.1 if 10 <= minute < 40 and peer == "n5" else 0.0
    mesh.lost = lambda minute, source, peer: 0.9 if 10 <= minute < 40 and peer == "n5" else 0.0
    mesh.scraped = lambda minute, node: node != "n5" or not 10 <= minute < 40
    return [(0, 14, []), (16, 39, [down(mesh, "n5")]), (41, 60, [])]


@case("down-for-a-moment")
def _(mesh):
    mesh.scraped = lambda minute, node: node != "n5" or not 10 <= minute < 14
    return [(0, 60, [])]


@case("down-again-and-again", minutes=90)
def _(mesh):  # a minute up, five down, as with the longest pause of the kubelet
    runs = lambda minute, node: node != "n5" or not 10 <= minute < 45 or (minute - 10) % 6 >= 5
    mesh.refused = lambda minute, source, peer: float(not runs(minute, peer))
    mesh.scraped = runs
    mesh.begun = lambda minute, node: (min(minute, 45) - 10) // 6 if node == "n5" and minute >= 10 else 0
    name, severity, labels = down(mesh, "n5")
    return [(0, 25, []), (27, 63, [(name, severity, {**labels, "reason": "restarts"})]), (66, 90, [])]


@case("down-two-scrapes-missing")
def _(mesh):
    mesh.scraped = lambda minute, node: not (node == "n5" and minute in (20, 35))
    return [(0, 60, [])]


@case("down-for-one-upgrade")
def _(mesh):  # whose pod's name is no label, so that its series goes on
    mesh.refused = lambda minute, source, peer: float(20 <= minute < 24 and peer == "n5")
    mesh.scraped = lambda minute, node: node != "n5" or not 20 <= minute < 24
    mesh.begun = lambda minute, node: 24 if node == "n5" and minute >= 24 else 0
    return [(0, 60, [])]


@case("down-all")
def _(mesh):
    mesh.scraped = lambda minute, node: minute < 10
    return [(0, 14, []), (16, 60, [down(mesh, node) for node in FIVE])]


@case("absent")
def _(mesh):
    mesh.target = lambda minute, node: minute < 10
    return [(0, 19, []), (21, 60, [alert("Down", "critical")])]


def of_node(name, node, zone, severity="warning", **more):
    return alert(name, severity, node=node, zone=zone, **more)


def health(name, more, values):
    """One series of n1, told of every half minute."""
    labels = {"instance": "n1", "job": "kube-canary", "node": "n1", "zone": "a", **more}
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{text}}}", "values": values}


EGRESS = {"interface": "eth0", "direction": "egress", "mode": "tcx"}
INGRESS = {"interface": "eth0", "direction": "ingress", "mode": "tcx"}


@case("not-attached")
def _(mesh):
    fires = of_node("NotAttached", "n1", "a", interface="eth0", direction="ingress")
    return [(0, 19, []), (22, 39, [fires]), (43, 60, [])], [
        health("kube_canary_attached", EGRESS, "1x120"), health("kube_canary_attached", INGRESS, "1x19 0x59 1x39")]


@case("not-attached-one-scrape-missing")
def _(mesh):
    fires = of_node("NotAttached", "n1", "a", interface="eth0", direction="ingress")
    return [(0, 19, []), (22, 60, [fires])], [health("kube_canary_attached", INGRESS, "1x19 0x9 stale 0x19 stale 0x100")]


@case("not-attached-at-first")
def _(mesh):  # a canary that starts, an interface that comes up, or goes away
    return [(0, 60, [])], [health("kube_canary_attached", EGRESS, "0x5 1x60 0x8 stale")]


@case("unstamped")
def _(mesh):
    mesh.unstamped = lambda minute, source, peer: 0.3 if 10 <= minute < 40 and source == "n1" else 0.0
    return [(0, 25, []), (28, 40, [of_node("Unstamped", "n1", "a")]), (45, 60, [])]


@case("unstamped-few-or-for-a-moment")
def _(mesh):
    mesh.unstamped = lambda minute, source, peer: 0.05 if source == "n1" else float(10 <= minute < 18)
    return [(0, 60, [])]


SUCCESS = "kube_canary_discovery_last_success_timestamp_seconds"
FAILURES = "kube_canary_discovery_failures_total"
DNS = {"source": "dns"}


def stamps(begin, end):
    """Asked for every half minute, between these minutes."""
    return " ".join(str(1 + min(max(time, begin * 60), end * 60)) for time in range(0, 3601, STEP))


@case("discovery-stale")
def _(mesh):
    return [(0, 29, []), (31, 60, [of_node("DiscoveryStale", "n1", "a", source="dns")])], [
        health(SUCCESS, DNS, stamps(0, 10)), health(FAILURES, DNS, "0x20 0+1x100")]


@case("discovery-short-outage")
def _(mesh):
    return [(0, 60, [])], [health(SUCCESS, DNS, stamps(0, 10).split(" ", 36)[0] + " " + " ".join(
        str(1 + (time if time < 600 or time > 1380 else 600)) for time in range(30, 3601, STEP)))]


@case("discovery-never")
def _(mesh):
    return [(0, 5, []), (8, 60, [of_node("DiscoveryStale", "n1", "a", source="dns")])], [
        health(SUCCESS, DNS, "0x120"), health(FAILURES, DNS, "0+1x120")]


@case("discovery-not-by-dns")
def _(mesh):
    return [(0, 60, [])], [health(SUCCESS, DNS, "0x120"), health(FAILURES, DNS, "0x120"),
                           health("kube_canary_config_last_reload_successful", {}, "1x120")]


@case("discovery-bad-file")
def _(mesh):
    return [(0, 14, []), (17, 39, [of_node("DiscoveryStale", "n1", "a", source="file")]), (42, 60, [])], [
        health("kube_canary_config_last_reload_successful", {}, "1x19 0x59 1x39")]


@case("peers-surplus")
def _(mesh):
    return [(0, 24, []), (27, 39, [of_node("PeersSurplus", "n1", "a", limit="peers.max")]), (42, 60, [])], [
        health("kube_canary_peers_surplus", {"limit": "peers.max"}, "0x19 7x59 0x39"),
        health("kube_canary_peers_surplus", {"limit": "probe.max"}, "0x60 3x20 0x39")]


# --- latency, over days; scraped once a minute. Classic buckets of 60 probes a minute.

DAY = 24 * 60


def steady(*parts):
    """Parts are (per minute, minutes): a counter that grows so, one after another."""
    words, value = [], 0
    for rate, minutes in parts:
        words.append(f"{value}+{rate}x{minutes - 1}")
        value += rate * minutes
    return " ".join(words)


def rtt(name, labels, *parts):
    """Parts are (bound in seconds under which all are, minutes)."""
    bounds = [0.00003, 0.0001, 0.00012, 0.0003, 0.001, 0.0015, 0.003]
    series = {}
    for bound in [*bounds, float("inf")]:
        text = {"job": "kube-canary", **labels, "le": "+Inf" if bound == float("inf") else f"{bound:g}"}
        key = f"{name}_bucket{{" + ",".join(f'{one}="{text[one]}"' for one in text) + "}"
        series[key] = steady(*((60 if bound >= under else 0, minutes) for under, minutes in parts))
    return series


def zone_rtt(*parts):
    return {**UP, **rtt("kube_canary_zone_rtt_seconds", {"node": "n1", "zone": "a", "peer_zone": "b"}, *parts)}


UP = {'up{job="kube-canary",node="n1",instance="n1"}': f"1x{3 * DAY}"}
ZONE_SLOW = [alert("ZoneLatency", "warning", zone="a", peer_zone="b")]

plain_case("zone-latency", zone_rtt((0.0003, 600), (0.001, 60), (0.0003, 60)),
           [(0, 612, []), (620, 659, ZONE_SLOW), (666, 719, [])], 720)
plain_case("zone-latency-a-moment", zone_rtt((0.0003, 600), (0.003, 8), (0.0003, 112)), [(0, 719, [])], 720)
plain_case("zone-latency-small", zone_rtt((0.00003, 600), (0.0001, 120)), [(0, 719, [])], 720)
# Half as much again, by much; more than twice, by little.
plain_case("zone-latency-half-more", zone_rtt((0.001, 600), (0.0015, 120)), [(0, 719, [])], 720)
plain_case("zone-latency-little-more", zone_rtt((0.00012, 600), (0.0003, 120)), [(0, 719, [])], 720)
plain_case("zone-latency-first-hour", zone_rtt((0.0003, 20), (0.003, 38)), [(0, 57, [])], 58)
plain_case("zone-latency-becomes-usual", zone_rtt((0.0003, 120), (0.003, DAY)),
           [(0, 132, []), (140, 290, ZONE_SLOW), (330, DAY, [])], DAY + 100)
plain_case("zone-latency-silence", {**zone_rtt((0.0003, 600), (0.0003, 1)), **UP}, [(0, 719, [])], 720)
plain_case("zone-latency-restart", {key: value + " 0+60x119" if "0.0001" not in key and "3e-05" not in key else value
                                    for key, value in zone_rtt((0.0003, 600)).items()}, [(0, 719, [])], 720)

NODE_PAIR = {"node": "n1", "zone": "a", "peer": "n2"}


def pair_rtt(*parts, loss=0):
    minutes = sum(part[1] for part in parts)
    plain = 'instance="n1",job="kube-canary",node="n1",peer="n2",zone="a"'
    return {**UP, **rtt("kube_canary_rtt_seconds", NODE_PAIR, *parts),
            f"kube_canary_probes_sent_total{{{plain}}}": f"0+60x{minutes}",
            f"kube_canary_probes_lost_total{{{plain}}}": f"0+{loss}x{minutes}",
            f'kube_canary_peer_info{{{plain},state="probed",peer_zone="b"}}': f"1x{minutes}"}


REGRESSED = [alert("LatencyRegression", "info", node="n1", zone="a", peer="n2")]

plain_case("regression", pair_rtt((0.0003, DAY + 60), (0.001, 120)),
           [(0, DAY + 85, []), (DAY + 96, DAY + 179, REGRESSED)], DAY + 180)
plain_case("regression-was-so-yesterday", pair_rtt((0.0003, 60), (0.001, 60), (0.0003, DAY - 60), (0.001, 60)),
           [(0, DAY + 119, [])], DAY + 120)
plain_case("regression-small", pair_rtt((0.00003, DAY + 60), (0.0001, 120)), [(0, DAY + 179, [])], DAY + 180)
plain_case("regression-no-yesterday", pair_rtt((0.0003, 60), (0.003, 120)), [(0, 179, [])], 180)
plain_case("regression-a-moment", pair_rtt((0.0003, DAY + 60), (0.003, 10), (0.0003, 110)), [(0, DAY + 179, [])], DAY + 180)
plain_case("regression-of-the-zones",
           {**pair_rtt((0.0003, DAY + 60), (0.001, 120)), **zone_rtt((0.0003, DAY + 60), (0.001, 120))},
           [(0, DAY + 72, []), (DAY + 80, DAY + 179, ZONE_SLOW)], DAY + 180)

# --- files of promtool


def expectations(expected):
    for begin, end, alerts in expected:
        samples = []
        for name, severity, labels in alerts:
            labels = {"alertname": name, "alertstate": "firing", "severity": severity, "job": "kube-canary", **labels}
            text = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels) if labels[key])
            samples.append({"labels": f"ALERTS{{{text}}}", "value": 1})
        step = 1 if end - begin < 100 else 4
        for minute in range(begin, end + 1, step):
            yield {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{minute}m", "exp_samples": samples}


def groups(path):
    """Names of rule groups, which stand in files in one form."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"^ *- name: (\S+)$", file.read(), re.M)


def main(rules, output):
    files = [os.path.join(rules, file) for file in ("recording.classic.yaml", "alerts.yaml")]
    for name, one in cases.items():
        document = {
            "rule_files": files,
            # What is recorded goes before what reads it; promtool's own order is another in each run.
            "group_eval_order": [group for file in files for group in groups(file)],
            "evaluation_interval": f"{one.get('evaluation', STEP)}s",
            "tests": [{"name": name, "interval": f"{one.get('interval', STEP)}s", "input_series": one["series"],
                       "promql_expr_test": list(expectations(one["expected"]))}],
        }
        with open(os.path.join(output, f"{name}.test.yaml"), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)


main(*sys.argv[1:])
