"""Figures: quantiles, rows with their bars, the machine they were taken on; as a table and as JSON.

Knows nothing of how anything is measured.
"""
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("BENCH_OUT", TOP / "build" / "bench"))


def median(values):
    return statistics.median(values)


def percentile(values, share):
    """The least value that has at least that share (0 to 1) of all at or below it; no interpolation."""
    if not values:
        raise ValueError("no values")
    if not 0 <= share <= 1:
        raise ValueError(f"share {share}; expected 0 to 1")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values):
    """Least and greatest."""
    return min(values), max(values)


def number(value):
    """As people read it: three significant digits, more for large ones."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == 0 or (isinstance(value, int) and abs(value) >= 100) or abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Bar:
    """A bar of the design: what it says, in its words, and the limit (at most, or with least=True at least)."""

    def __init__(self, text, limit, least=False):
        self.text, self.limit, self.least = text, limit, least

    def met(self, value):
        return value is not None and (value >= self.limit if self.least else value <= self.limit)

    def met_within(self, interval):
        """Where the value lies somewhere in the interval: None if the limit does, too."""
        ends = {self.met(end) for end in interval}
        return ends.pop() if len(ends) == 1 else None


class Row:
    """One figure. `spread` is (least, greatest) over repetitions, or with estimated=True where the figure lies with 95 %
    confidence: a bar is then met or not if that can be told. `note` says what a reader must know."""

    def __init__(self, what, who, value, unit, spread=None, bar=None, note="", ratio=False, estimated=False):
        self.what, self.who, self.value, self.unit = what, who, value, unit
        self.spread, self.bar, self.note, self.estimated = spread, bar, note, estimated
        self.ratio = ratio or unit == "x"

    def met(self):
        return self.bar.met_within(self.spread) if self.estimated else self.bar.met(self.value)

    def as_json(self):
        result = {"what": self.what, "who": self.who, "value": self.value, "unit": self.unit, "ratio": self.ratio,
                  "note": self.note}
        if self.spread:
            result["least"], result["greatest"] = self.spread
        if self.bar:
            result |= {"bar": self.bar.text, "limit": self.bar.limit, "at_least": self.bar.least,
                       "met": self.met()}
        return result


def first_line(path, prefix, default="unknown"):
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(prefix):
                return line[len(prefix):].strip(' \t:="')
    except OSError:
        pass
    return default


def revision():
    def git(*words):
        try:
            return subprocess.run(["git", "-C", TOP, *words], capture_output=True, text=True, check=False).stdout.strip()
        except OSError:
            return ""  # no git here

    commit = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return commit + ("-dirty" if git("status", "--porcelain") else "")


def machine():
    return {
        "cpu": first_line("/proc/cpuinfo", "model name", platform.machine()),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mib": int(first_line("/proc/meminfo", "MemTotal:", "0").split()[0]) // 1024,
        "kernel": platform.release(),
        "distribution": first_line("/etc/os-release", "PRETTY_NAME="),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": revision(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def describe(host):
    return (f"{host['cpu']}, {host['cpus']} CPUs, {host['memory_mib']:,} MiB, Linux {host['kernel']}, "
            f"{host['distribution']}; {host['date']}, commit {host['revision']}, load before {host['load_before']}")


def cells(row):
    """A row of as_json() as the cells of a table."""
    value = f"{number(row['value'])} {row['unit']}".strip()
    if row["value"] is not None and "least" in row:
        value += f" ({number(row['least'])} to {number(row['greatest'])})"
    met = {True: "yes", False: "**no**", None: "cannot be told here"}[row["met"]] if "met" in row else ""
    return [row["what"], row["who"], value, row.get("bar", ""), met, row["note"]]


def markdown(headings, lines):
    """A Markdown table, its columns aligned for who reads it as text."""
    lines = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in [headings, *lines]) for i in range(len(headings))]

    def one(line):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"

    return "\n".join([one(headings), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(one, lines)])


HEADINGS = ["what", "who", "figure", "bar", "met", "note"]


def ordered(rows):
    """Ratios first; otherwise as they came."""
    return [row for row in rows if row["ratio"]] + [row for row in rows if not row["ratio"]]


def report(question, rows, path=None, quick=False, definitions=(), seconds=None, as_json=False, tables=(),
           host=None):
    """Writes $BENCH_OUT/<question>.json and prints the table (or with as_json the same JSON). `definitions` are
    sentences that say what exactly was measured; `tables` are (title, headings, lines) for what has more columns
    than a figure and its bar; `host` is machine() as it was before. Returns what it wrote."""
    result = {"question": question, "quick": quick, "seconds": seconds and round(seconds, 1), "machine": host or machine(),
              "definitions": list(definitions), "rows": ordered([row.as_json() for row in rows]),
              "tables": [{"title": title, "headings": list(headings), "lines": [list(line) for line in lines]}
                         for title, headings, lines in tables]}
    path = pathlib.Path(path) if path else OUT / f"{question}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    if as_json:
        json.dump(result, sys.stdout, indent=1)
        print()
    else:
        print_result(result)
    return result


def print_result(result):
    print(f"### {result['question']}{' (quick)' if result['quick'] else ''}\n")
    print(describe(result["machine"]) + "\n")
    for sentence in result["definitions"]:
        print(f"- {sentence}")
    if result["definitions"]:
        print()
    print(markdown(HEADINGS, map(cells, result["rows"])) + "\n")
    for one in result.get("tables", []):
        lines = [[number(cell) if isinstance(cell, (int, float)) else cell for cell in line] for line in one["lines"]]
        print(f"{one['title']}\n\n{markdown(one['headings'], lines)}\n")
