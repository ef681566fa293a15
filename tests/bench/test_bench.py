#!/usr/bin/python3 -B
"""The benchmark's own arithmetic: quantiles, bars, tables, what is read from exporters, captures and tools. No root."""
import json
import math
import pathlib
import socket
import struct
import sys
import tempfile
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import metrics
import referee
import table
import tools
import truth
from hosts import BenchError, Hosts, target
from probers import Smokeping, by_order, by_sequence


class Statistics(unittest.TestCase):
    def test_percentile_is_a_value_that_occurred(self):
        values = list(range(1, 101))
        self.assertEqual([table.percentile(values, share) for share in (0, 0.5, 0.99, 0.991, 0.999, 1)],
                         [1, 50, 99, 100, 100, 100])
        self.assertEqual(table.percentile([7], 0.5), 7)
        self.assertEqual(table.percentile([3, 1, 2], 0.5), 2)

    def test_percentile_refuses(self):
        self.assertRaises(ValueError, table.percentile, [], 0.5)
        self.assertRaises(ValueError, table.percentile, [1], 50)

    def test_median_and_spread(self):
        self.assertEqual(table.median([4, 1, 3, 2]), 2.5)
        self.assertEqual(table.spread([4, 1, 3]), (1, 4))


class Numbers(unittest.TestCase):
    def test_number(self):
        for value, text in ((0, "0"), (5, "5"), (123456, "123,456"), (0.0123456, "0.0123"), (12.3456, "12.3"), (1.0, "1"),
                            (999.9, "1000"), (100, "100"), (100.0, "100"), (-2.5, "-2.5"), (None, "-"), ("x", "x"), (1234.5, "1,234")):
            self.assertEqual(table.number(value), text, value)


class Bars(unittest.TestCase):
    def test_at_most(self):
        bar = table.Bar("at most 5", 5)
        self.assertEqual([bar.met(value) for value in (4.9, 5, 5.01, None)], [True, True, False, False])

    def test_at_least(self):
        bar = table.Bar("at least 80", 80, least=True)
        self.assertEqual([bar.met(value) for value in (79.9, 80, 81, None)], [False, True, True, False])


class Report(unittest.TestCase):
    def report(self, rows, **options):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "sub", "question.json")
            output, sys.stdout = sys.stdout, open(path.parent.parent / "out", "w+", encoding="utf-8")
            try:
                table.report("question", rows, path, **options)
                sys.stdout.seek(0)
                printed = sys.stdout.read()
            finally:
                sys.stdout.close()
                sys.stdout = output
            return json.loads(path.read_text()), printed

    def test_ratios_come_first_and_bars_are_judged(self):
        written, printed = self.report([
            table.Row("time", "us", 12.0, "us", spread=(11, 13), bar=table.Bar("<= 10 us", 10)),
            table.Row("time", "them | others", None, "us", bar=table.Bar("<= 10 us", 10)),
            table.Row("share", "us", 0.5, "x", bar=table.Bar("<= 0.6 x", 0.6)),
        ], definitions=["What it is."], tables=[("More:", ["a", "b"], [["c", 0.12345]])])
        self.assertEqual([row["unit"] for row in written["rows"]], ["x", "us", "us"])
        self.assertEqual([row["met"] for row in written["rows"]], [True, False, False])
        self.assertEqual((written["rows"][1]["least"], written["rows"][1]["greatest"]), (11, 13))
        self.assertIn("| **no** |", printed)
        self.assertIn("12 us (11 to 13)", printed)
        self.assertIn("- What it is.", printed)
        self.assertIn("them \\| others", printed)
        self.assertIn("0.123", printed)
        for name in ("cpu", "cpus", "kernel", "distribution", "date", "revision"):
            self.assertTrue(written["machine"][name], name)

    def test_markdown_is_aligned(self):
        lines = table.markdown(["a", "long heading"], [["a cell", "b"]]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)


class Exposition(unittest.TestCase):
    TEXT = """# HELP a_total Help with {braces} and "quotes".
# TYPE a_total counter
a_total{peer="x",zone="a,b"} 3
a_total{peer="y \\"q\\" \\\\ }",zone=""} 4 1700000000000
a_total_more 9
plain 1.5e-06
h_bucket{peer="x",le="0.1"} 5
h_bucket{peer="x",le="0.2"} 10 # {trace_id="1"} 0.15
h_bucket{peer="x",le="+Inf"} 10
h_bucket{peer="y",le="0.1"} 0
h_bucket{peer="y",le="0.2"} 9
h_bucket{peer="y",le="+Inf"} 10
# EOF
"""

    def setUp(self):
        self.samples = metrics.parse(self.TEXT)

    def test_total(self):
        self.assertEqual(metrics.total(self.samples, "a_total"), 7)
        self.assertEqual(metrics.total(self.samples, "a_total", peer="x", zone="a,b"), 3)
        self.assertEqual(metrics.total(self.samples, "a_total", peer='y "q" \\ }'), 4)
        self.assertEqual(metrics.total(self.samples, "plain"), 1.5e-06)
        self.assertEqual(metrics.total(self.samples, "none"), 0)

    def test_quantiles(self):
        self.assertEqual(metrics.buckets(self.samples, "h"), {0.1: 5, 0.2: 19, math.inf: 20})
        one = metrics.buckets(self.samples, "h", peer="x")
        self.assertEqual(metrics.bucket_of(one, 0.5), (0.0, 0.1))
        self.assertAlmostEqual(metrics.quantile(one, 0.75), 0.15)
        both = metrics.buckets(self.samples, "h")
        self.assertEqual(metrics.bucket_of(both, 0.99), (0.2, math.inf))
        self.assertEqual(metrics.quantile(both, 0.99), 0.2)
        self.assertIsNone(metrics.quantile({math.inf: 0}, 0.5))


def frame(source, destination, protocol, rest):
    def octets(address):
        return bytes(map(int, address.split(".")))

    return bytes(12) + b"\x08\x00" + b"\x45" + bytes(8) + bytes([protocol]) + bytes(2) + octets(source) + octets(destination) + rest


def echo(source, destination, kind, sequence):
    return frame(source, destination, referee.ICMP, struct.pack("!BBHHH", kind, 0, 0, 1, sequence) + bytes(40))


def stamp(source, destination, from_port, to_port, at, sequence):
    payload = bytearray(44)
    struct.pack_into("!I", payload, at, sequence)
    return frame(source, destination, referee.UDP, struct.pack("!HHHH", from_port, to_port, 52, 0) + payload)


class Captures(unittest.TestCase):
    NEAR, FAR = "198.18.0.1", "198.19.0.1"

    def test_echo(self):
        request, reply = echo(self.NEAR, self.FAR, 8, 7), echo(self.FAR, self.NEAR, 0, 7)
        again = echo(self.NEAR, self.FAR, 8, 8)
        found = referee.exchanges([(5_000_000_100, request), (5_000_000_900, reply), (5_000_001_000, reply), (5_000_002_000, again)],
                               [(5_000_000_300, request), (5_000_000_400, reply)])
        self.assertEqual([(one.target, one.sequence) for one in found], [(self.FAR, 7), (self.FAR, 8)])
        self.assertEqual((found[0].rtt(), found[0].residence()), (800, 100))
        self.assertIsNone(found[1].back)

    def test_stamp(self):
        request = stamp(self.NEAR, self.FAR, 40000, 862, 0, 70000)
        reply = stamp(self.FAR, self.NEAR, 862, 40000, 24, 70000)
        found = referee.exchanges([(100, request), (900, reply)], [(300, request), (500, reply)])
        self.assertEqual([(one.target, one.sequence, one.rtt(), one.residence()) for one in found], [(self.FAR, 70000, 800, 200)])

    def test_a_sequence_that_comes_again(self):
        request, reply = echo(self.NEAR, self.FAR, 8, 7), echo(self.FAR, self.NEAR, 0, 7)
        found = referee.exchanges([(100, request), (200, reply), (1000, request), (1300, reply)],
                               [(110, request), (120, reply), (1010, request), (1030, reply)])
        self.assertEqual([(one.rtt(), one.residence()) for one in found], [(100, 10), (300, 20)])

    def kept(self, frames, outgoing_only=False):
        """Which of them pass the filter, which is the same for a socket that needs no root; nothing there is outgoing."""
        sending, receiving = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with sending, receiving:
            referee.attach(receiving, referee.packet_filter(outgoing_only))
            receiving.setblocking(False)
            kept = []
            for number, content in enumerate(frames):
                try:
                    sending.send(content)
                    kept.append((number, len(receiving.recv(4096))))
                except OSError:  # refused, or nothing came
                    continue
            return kept

    def test_the_filter_keeps_what_is_read(self):
        ipv6 = bytes(12) + b"\x86\xdd" + bytes(200)
        options = bytearray(stamp(self.NEAR, self.FAR, 40000, 862, 0, 1))
        options[14], options[34:34] = 0x47, bytes(8)
        port = bytearray(options)
        struct.pack_into("!H", port, 14 + 28 + 2, 863)
        frames = [echo(self.NEAR, self.FAR, 8, 7), echo(self.FAR, self.NEAR, 0, 7), echo(self.FAR, self.NEAR, 3, 7),
                  stamp(self.NEAR, self.FAR, 40000, 862, 0, 1), stamp(self.FAR, self.NEAR, 862, 40000, 24, 1),
                  stamp(self.NEAR, self.FAR, 40000, 53, 0, 1), frame(self.NEAR, self.FAR, 6, bytes(60)), ipv6, bytes(options),
                  bytes(port), echo(self.NEAR, self.FAR, 8, 7) + bytes(100)]
        kept = self.kept(frames)
        self.assertEqual([number for number, _ in kept], [0, 1, 3, 4, 8, 10])
        self.assertEqual(kept[-1][1], referee.SNAP)
        self.assertEqual([number for number, one in enumerate(frames) if referee.read(one)], [0, 1, 3, 4, 8, 10])
        self.assertEqual(self.kept(frames, outgoing_only=True), [])

    def test_far_end_may_be_without_capture(self):
        found = referee.exchanges([(100, echo(self.NEAR, self.FAR, 8, 7)), (300, echo(self.FAR, self.NEAR, 0, 7))], [])
        self.assertEqual((found[0].rtt(), found[0].far_in), (200, None))


class Readings(unittest.TestCase):
    def setUp(self):
        self.exchanges = [referee.Exchange("a", 1, 0, 10_000), referee.Exchange("b", 1, 5, 20_005),
                          referee.Exchange("a", 2, 9, None), referee.Exchange("a", 3, 10, 30_010)]

    def test_errors_and_false_losses(self):
        found = truth.Found(by_sequence({("a", 1): 12e-6, ("b", 1): 19e-6, ("a", 2): 1.0}, self.exchanges), due=6)
        self.assertEqual([round(error, 6) for error in found.errors], [2, 1])
        self.assertEqual((found.probes, found.false_losses, found.pace()), (3, 1, 50))

    def test_a_reply_after_the_timeout_is_no_false_loss(self):
        late = [referee.Exchange("a", 1, 0, 1_500_000_000)]
        self.assertEqual(truth.Found(by_sequence({}, late)).false_losses, 0)

    def test_by_order(self):
        said = by_order({"a": [12e-6, None, 31e-6], "b": []}, self.exchanges)
        self.assertEqual([one[1] for one in said], [12e-6, None, None, 31e-6])

    def test_tools(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as log:
            log.write("64 bytes from 1.2.3.4: icmp_seq=1 ttl=64 time=0.020 ms\n"
                      "64 bytes from 1.2.3.4: icmp_seq=1 ttl=64 time=0.030 ms (DUP!)\n"
                      "1.2.3.4  : 0.029 - 12.3\n1.2.3.44 : -\nICMP Host Unreachable\n")
            log.flush()
            process = types.SimpleNamespace(log=pathlib.Path(log.name))
            self.assertEqual(tools.ping_rtts(process), {1: 0.00002})
            said = tools.fping_rtts(process)
            self.assertEqual([round(rtt, 9) if rtt else rtt for rtt in said["1.2.3.4"]], [0.000029, None, 0.0123])
            self.assertEqual(said["1.2.3.44"], [None])

    def test_durations_of_go(self):
        tool = Smokeping(None, [], 1, 1)
        for text, seconds in (("264.723µs", 264.723e-6), ("1.5ms", 0.0015), ("1m2.5s", 62.5), ("900ns", 9e-7)):
            self.assertAlmostEqual(tool.seconds_of(text), seconds, 12)


class Targets(unittest.TestCase):
    def test_all_differ_and_are_hosts(self):
        some = Hosts().targets(10000)
        self.assertEqual(len(set(some)), 10000)
        self.assertEqual((target(0), target(249), target(250)), ("198.19.0.1", "198.19.0.250", "198.19.1.1"))
        self.assertRaises(BenchError, Hosts().targets, 10**6)


if __name__ == "__main__":
    unittest.main()
