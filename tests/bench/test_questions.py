#!/usr/bin/python3 -B
"""The arithmetic of the questions on path, scrape, scale, and of the section to internet scale. No root."""
import json
import math
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


class Path(unittest.TestCase):
    LINES = [{"kind": "program", "program": "p", "verified_instructions": 7, "instructions": 5, "machine_code_bytes": 9},
             {"kind": "unrelated", "program": "p", "packet": "TCP", "ns": 3, "ns_min": 2, "ns_max": 4},
             {"kind": "unrelated", "program": "p", "packet": "UDP", "ns": 11, "ns_min": 2, "ns_max": 40},
             {"kind": "own, IPv4", "program": "p", "packet": "probe", "ns": 100, "bytes": 86, "runs": 2001}]

    def test_the_dearest_packet_is_held_against_the_bar(self):
        rows = path.program_rows(self.LINES)
        self.assertEqual((rows[0].value, rows[0].bar.met(rows[0].value)), (11, False))
        self.assertEqual([row.value for row in rows], [11, 3, 11, 100, 7])


def series(lost, swing, count=400, seed=1):
    """Pairs of turns in which the one loses so many percent, while either is what the machine leaves to it: `swing` percent of
    chance in each, and a drift that both have, of which the second to run has a bit more."""
    chance, pairs = random.Random(seed), []
    for number in range(count):
        drift = 1 + 0.3 * math.sin(number / 9)
        first, second = (drift * chance.gauss(1, swing / 100), (drift + 0.02) * chance.gauss(1, swing / 100))
        ours, theirs = (first, second) if number % 2 else (second, first)
        pairs.append(((ours * (1 - lost / 100),) * 2, (theirs,) * 2))
    return pairs


class Judged(unittest.TestCase):
    """What is said of pairs whose loss is known."""

    def row(self, lost, swing, count=400, seed=1, how=path.TOGETHER):
        run = types.SimpleNamespace(quick=False)
        return path.loss_row(run, "TCP", path.OURS, "tcx", "", how, series(lost, swing, count, seed))

    def test_met_not_met_or_not_to_be_told(self):
        for how in path.TURNS:
            self.assertIs(self.row(0.5, 5, how=how).met(), True)
            self.assertIs(self.row(4, 5, how=how).met(), False)
            self.assertIsNone(self.row(0.5, 40, how=how).met())
            self.assertIsNone(self.row(2, 5, how=how).met())
        self.assertEqual(table.cells(self.row(0.5, 40).as_json())[4], "cannot be told here")
        self.assertIs(json.loads(json.dumps(self.row(4, 5).as_json()))["met"], False)

    def test_the_interval_holds_the_loss_as_often_as_it_says(self):
        rows = [self.row(1.5, 12, 110, seed) for seed in range(300)]
        held = sum(row.spread[0] <= 1.5 <= row.spread[1] for row in rows)
        self.assertGreater(held, 0.92 * len(rows))
        self.assertFalse(any(row.met() is False for row in (self.row(0, 12, 110, seed) for seed in range(100))))

    def test_turns_that_were_none_are_left_out(self):
        pairs = series(1, 0, 5) + [((0.0, 0.0), (1, 1)), ((1, 1), (0.0, 0.0))]
        self.assertEqual(len(path.losses(pairs, 0)), 5)

    def test_an_interval_that_is_the_limit(self):
        self.assertEqual([path.BAR_TCP.met_within(one) for one in ((1, 2), (2, 3), (2.1, 3), (-9, 1))], [True, None, False, True])


class Races(unittest.TestCase):
    """How many are run, where each says that we lose so much, with so much chance."""

    def count(self, hook, swing, left=1000, who=path.OURS, lost=0, apart=60):
        made = []

        def race(*_):
            made.append(1)
            return {(source, how): series(lost, apart if how == path.APART else swing, 110)
                    for source in tcp.OTHER for how in path.TURNS}, ""

        with unittest.mock.patch.object(path, "race", race):
            pairs, _ = path.races(types.SimpleNamespace(quick=False, left=lambda: left), None, who, hook, 0)
        self.assertEqual(len(pairs["near", path.APART]), 110 * len(made))
        return len(made)

    def test_as_many_as_it_takes_within_limits(self):
        self.assertEqual(self.count("tcx", 2), 1)
        self.assertEqual(self.count("tcx", 2, lost=5), 1)
        self.assertEqual(self.count("tcx", 30), 1 + path.RACES_MORE)
        self.assertEqual(self.count("tcx", 30, left=path.CASE_SECONDS - 1), 1)
        self.assertEqual(self.count("xdp", 30), 1)
        self.assertEqual(self.count("tcx", 30, who=path.EMPTY), 1)


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
