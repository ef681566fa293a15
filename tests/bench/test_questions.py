#!/usr/bin/python3 -B
"""The arithmetic of the questions on path, scrape, scale, and of the section to internet scale. No root."""
import pathlib
import sys
import types
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import internet_scale
import path
import scale
import scrape
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


class Races(unittest.TestCase):
    """How many are run, where each says that we take and give by turns."""

    def count(self, hook, swing, left=1000, who=path.OURS):
        made = []

        def race(*_):
            made.append(1)
            return {source: [((100 + swing * (-1) ** i, 1), (100, 1)) for i in range(60)] for source in tcp.OTHER}, ""

        with unittest.mock.patch.object(path, "race", race):
            pairs, _ = path.races(types.SimpleNamespace(quick=False, left=lambda: left), None, who, hook, 0)
        self.assertEqual(len(pairs["near"]), 60 * len(made))
        return len(made)

    def test_as_many_as_it_takes_within_limits(self):
        self.assertEqual(self.count("tcx", 0.5), 1)
        self.assertEqual(self.count("tcx", 5), 1 + path.RACES_MORE)
        self.assertEqual(self.count("tcx", 5, left=path.CASE_SECONDS - 1), 1)
        self.assertEqual(self.count("xdp", 5), 1)
        self.assertEqual(self.count("tcx", 5, who=path.EMPTY), 1)


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
