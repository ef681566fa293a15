#!/usr/bin/python3 -B
"""The arithmetic of the questions on path, scrape, scale, and of the section to internet scale. No root."""
import json
import pathlib
import random
import sys
import types
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import internet_scale
import path
import scale
import scrape
import table
import tcp


def step(due, rate, bad=(), waited=0.0, **cores):
    made = object.__new__(scale.Step)
    made.due, made.rate, made.bad, made.waited, made.cores = due, rate, dict(bad), waited, cores
    return made


class Scale(unittest.TestCase):
    def test_held_means_pace_and_nothing_lost(self):
        self.assertTrue(step(1000, 980).held())
        self.assertFalse(step(1000, 979).held())
        self.assertFalse(step(1000, 1000, {"zone_probes_lost_total": 1}).held())

    def test_who_was_full(self):
        self.assertIn("far side", scale.limit_of(step(1, 0, near=0.5, far=0.95)))
        self.assertIn("our core", scale.limit_of(step(1, 0, near=0.95, far=0.95)))
        self.assertIn("others", scale.limit_of(step(1, 0, waited=0.2, near=0.95)))
        self.assertIn("neither", scale.limit_of(step(1, 0, near=0.5, far=0.5)))


class Tcp(unittest.TestCase):
    def test_interval_of_the_median(self):
        self.assertEqual(tcp.median_interval([5]), (5, 5))
        self.assertEqual(tcp.median_interval(range(1, 101)), (40, 60))
        self.assertEqual(tcp.median_interval([3, 1, 2]), (1, 3))

    def test_blocks_are_a_b_b_a_and_b_a_a_b(self):
        order, clock = [], iter([0.0, 0.1, 0.2, 0.9, 1.0])
        found = tcp.blocks(lambda index: order.append(index) or (10, 1)[index], 1.0, lambda: next(clock))
        self.assertEqual(order, [1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1])
        self.assertEqual(found, [(20, 2)] * 3)

    def test_a_block_at_least_of_either_order(self):
        order = []
        tcp.blocks(lambda index: order.append(index) or 1, 0, lambda: 5.0)
        self.assertEqual(order, [1, 0, 0, 1, 0, 1, 1, 0])

    def test_loss_is_of_throughput(self):
        lost, rate = tcp.outcome([(400, 300)] * 3, 150)
        self.assertEqual((lost, rate), (25, 2 * 8e9 * 150 / 300))

    def test_what_befalls_a_few_turns_is_no_loss(self):
        found = [(102.0, 100.0)] * 30 + [(9000.0, 100.0)] * 9 + [(102.0, 9000.0)] * 4
        self.assertAlmostEqual(tcp.outcome(found, 1)[0], 100 * (1 - 100 / 102))

    def test_an_even_drift_leaves_the_ratio_alone(self):
        times = (100 + number for number in range(10**6))
        found = tcp.blocks(lambda index: next(times), 0.5, iter([0, *[0.1] * 20, 1]).__next__)
        self.assertEqual(tcp.outcome(found, 1)[0], 0)


class Path(unittest.TestCase):
    LINES = [{"kind": "program", "program": "p", "verified_instructions": 7, "instructions": 5, "machine_code_bytes": 9},
             {"kind": "unrelated", "program": "p", "packet": "TCP", "ns": 3, "ns_min": 2, "ns_max": 4},
             {"kind": "unrelated", "program": "p", "packet": "UDP", "ns": 11, "ns_min": 2, "ns_max": 40},
             {"kind": "own, IPv4", "program": "p", "packet": "probe", "ns": 100, "bytes": 86, "runs": 2001}]

    def test_the_dearest_packet_is_held_against_the_bar(self):
        rows = path.program_rows(self.LINES)
        self.assertEqual((rows[0].value, rows[0].bar.met(rows[0].value)), (11, False))
        self.assertEqual([row.value for row in rows], [11, 3, 11, 100, 7])


def figures(lost, swing, count=32, seed=1):
    """What a race tells of who loses so many percent, where each figure has `swing` percent of chance, and now and then one is
    far off."""
    chance = random.Random(seed)
    return [(lost + chance.gauss(0, swing) + (-80 if number % 16 == 5 else 0), 1e10) for number in range(count)]


class Judged(unittest.TestCase):
    """What is said of figures whose loss is known."""

    def row(self, lost, swing, bar=path.BAR_TCP, **options):
        return path.loss_row("TCP", path.OURS, "tcx", bar, figures(lost, swing, **options))

    def test_met_not_met_or_not_to_be_told(self):
        for bar in (path.BAR_TCP, path.BAR_TCP_OVER_EMPTY):
            self.assertIs(self.row(0.5, 1, bar).met(), True)
            self.assertIs(self.row(4, 1, bar).met(), False)
            self.assertIsNone(self.row(0.5, 20, bar).met())
            self.assertIsNone(self.row(2, 1, bar).met())
        self.assertEqual(table.cells(self.row(0.5, 20).as_json())[4], "cannot be told here")
        self.assertIs(json.loads(json.dumps(self.row(4, 1).as_json()))["met"], False)

    def test_the_interval_holds_the_loss_as_often_as_it_says(self):
        rows = [path.loss_row("TCP", path.OURS, "tcx", path.BAR_TCP, [(chance.gauss(1.5, 2), 1e10) for _ in range(20)])
                for chance in map(random.Random, range(400))]
        held = sum(row.spread[0] <= 1.5 <= row.spread[1] for row in rows)
        self.assertGreater(held, 0.94 * len(rows))

    def test_an_interval_that_is_the_limit(self):
        self.assertEqual([path.BAR_TCP.met_within(one) for one in ((1, 2), (2, 3), (2.1, 3), (-9, 1))], [True, None, False, True])

    def test_names(self):
        self.assertEqual([path.name_of(*case[:3]) for case in (path.CASES[0], path.CASES[2], path.CASES[6])],
                         ["kube-canary, tcx", "nobody, twice", "kube-canary over an empty program, clsact"])

    def test_bars(self):
        """Whole segments: with and without us. Else: what we add to an empty program. All that is judged is also told raw."""
        judged = {case[:4]: case[4] for case in path.CASES if case[4]}
        self.assertEqual(judged, {
            (path.OURS, path.NOBODY, "tcx", True): path.BAR_TCP, (path.OURS, path.NOBODY, "clsact", True): path.BAR_TCP,
            (path.OURS, path.EMPTY, "tcx", False): path.BAR_TCP_OVER_EMPTY,
            (path.OURS, path.EMPTY, "clsact", False): path.BAR_TCP_OVER_EMPTY})
        told = [case[:4] for case in path.CASES]
        for hook in ("tcx", "clsact"):
            for whole in (True, False):
                for who in (path.OURS, path.EMPTY):
                    self.assertIn((who, path.NOBODY, hook, whole), told)
        for way in (tcp.APART, tcp.TOGETHER):
            self.assertIs(path.judged(path.BAR_TCP, True, way), path.BAR_TCP)
        self.assertIs(path.judged(path.BAR_TCP, False, tcp.HOT), path.BAR_TCP)


class Halves(unittest.TestCase):
    def race(self, wires_worth):
        """A race in which each wire is worth something by itself, and we lose 1 %; and who was where."""
        settled = []

        def contests(_hosts, wires, counts):
            lost = 1 + wires_worth[wires[0]] - wires_worth[wires[1]]
            return {("near", way): [(lost, 1e9)] * count for way, count in counts.items()}

        def settle(_hosts, who, _hook, wire):
            settled.append((who, wire))
            return (lambda: settled.append("left")), "mode"

        with unittest.mock.patch.multiple(path, contests=contests, settle=settle):
            found, mode = path.race(None, path.CASES[5], True)
        self.assertEqual(mode, "mode")
        return found, settled

    def test_what_a_wire_is_worth_goes_away(self):
        found, settled = self.race({"eth8": 3, "eth9": -1})
        for figures_of_way in found.values():
            self.assertEqual(figures_of_way, [(1, 1e9)] * path.CONTESTS_QUICK)
        self.assertEqual(settled, [(path.OURS, "eth8"), (path.EMPTY, "eth9"), "left", "left",
                                   (path.OURS, "eth9"), (path.EMPTY, "eth8"), "left", "left"])


class Races(unittest.TestCase):
    """How many are run, where each says that we lose so much, with so much chance."""

    def count(self, case, swing, left=1000, lost=0, hot=0):
        made = []

        def race(*_):
            made.append(1)
            return {(source, way): figures(hot if way is tcp.HOT else lost, swing)
                    for source in tcp.OTHER for way in path.contests_of(case)}, ""

        with unittest.mock.patch.object(path, "race", race):
            found, _ = path.races(types.SimpleNamespace(quick=False, left=lambda: left), None, case, 0)
        self.assertEqual(len(found["near", tcp.APART]), 32 * len(made))
        return len(made)

    def test_as_many_as_it_takes_within_limits(self):
        case, over_empty, xdp = path.CASES[0], path.CASES[5], path.CASES[11]
        self.assertEqual(self.count(case, 1), 1)
        self.assertEqual(self.count(case, 1, lost=5), 1)
        self.assertEqual(self.count(case, 30), 1 + path.RACES_MORE)
        self.assertEqual(self.count(case, 30, left=path.race_seconds(case) - 1), 1)
        self.assertEqual(self.count(case, 1, hot=2), 1)
        self.assertEqual(self.count(over_empty, 1, hot=2), 1 + path.RACES_MORE)
        self.assertEqual(self.count(xdp, 30), 1)

    def test_all_of_them_have_their_time(self):
        self.assertLess(sum(map(path.race_seconds, path.CASES)), 300)


class Scrape(unittest.TestCase):
    def test_pace_is_what_was_due_by_the_clock(self):
        answers = iter([(10.0, {"sent": 0, "lost": 0}), (14.0, {"sent": 15000, "lost": 2})])
        pace = object.__new__(scrape.Pace)
        pace.counters = types.MethodType(lambda _: next(answers), pace)
        pace.began = pace.counters()
        missing, bad = pace.rows(5000)
        self.assertEqual((missing.value, bad.value), (25.0, 2))
        self.assertFalse(missing.bar.met(missing.value) or bad.bar.met(bad.value))

    def test_the_probes_share_is_taken_off(self):
        clock = iter([0.0, 0.05, 1.0, 1.25])
        process = types.SimpleNamespace(cpu_seconds=lambda: next(clock))
        subject = types.SimpleNamespace(process=process, fetch=lambda way: b"12345")
        cost = scrape.Cost(subject, ("text", False), 2, 2, 0.0)
        self.assertEqual([round(one, 6) for one in cost.cpu_ms], [25, 125])
        self.assertEqual((cost.octets, cost.plain), (5, 5))


class InternetScale(unittest.TestCase):
    def test_series_are_as_the_readme_says(self):
        readme = internet_scale.Readme()
        self.assertEqual(readme.series(3, 16, False), 917)
        self.assertEqual(readme.series(3, 16, True), 377)
        self.assertEqual(readme.series(3, 0, False), 261)

    def test_memory_between_and_beyond_what_was_measured(self):
        readme = internet_scale.Readme()
        readme.memory = {100: 900, 1000: 1000, 5000: 1400}
        self.assertEqual(readme.memory_kb(1000), (1000, ""))
        self.assertEqual(readme.memory_kb(6000), (1500, " (computed)"))

    def test_answers_of_the_dns(self):
        self.assertEqual(internet_scale.dns_line(4000)[2], "1 name")
        self.assertEqual(internet_scale.dns_line(5000)[2], "2 names")
        self.assertIn("file", internet_scale.dns_line(50000)[2])

    def test_rates(self):
        self.assertEqual(internet_scale.rate(122_000_000), "122 Mbit/s")
        self.assertEqual(internet_scale.rate(24_400), "24.4 kbit/s")


if __name__ == "__main__":
    unittest.main()
