"""What a question's file imports: hosts, throttle, tools, metrics, table; and how it is run.

    from bench import *

    def measure(run):           # run.quick; run.left() seconds of the budget; run.say() for progress
        ...
        return [Row(...), ...], ["what exactly was measured", ...]      # and tables, as report() takes them

    if __name__ == "__main__":
        main("truth", measure, budget=360, budget_quick=30)
"""
import argparse
import contextlib
import os
import sys
import time

import metrics
from hosts import (BenchError, FAR_ADDRESS, Hosts, LIMITS_TOLD, NEAR_ADDRESS, Process, children_of, command, eventually,
                   fields)
from table import (Bar, OUT, Row, TOP, cells, describe, machine, markdown, median, number, percentile, print_result, report,
                   revision, spread)
from throttle import Throttle
from tools import (BUILD, Blackbox, Canary, Connection, FORMATS, Server, everywhere, fping, fping_rtts, helper, http_get,
                   inside, ping, ping_rtts, program, reflector, smokeping)

__all__ = ["BUILD", "Bar", "BenchError", "Blackbox", "Canary", "Connection", "FAR_ADDRESS", "FORMATS", "Hosts", "LIMITS_TOLD",
           "NEAR_ADDRESS", "OUT", "Process", "Row", "Run", "Server", "TOP", "Throttle", "cells", "children_of", "command",
           "describe", "eventually", "everywhere", "fields", "fping", "fping_rtts", "helper", "http_get", "inside", "machine",
           "main", "markdown", "median", "metrics", "number", "percentile", "ping", "ping_rtts", "print_result", "program",
           "reflector", "report", "revision", "smokeping", "spread"]


class Run:
    """One run of a question: whether it is a quick one, and how much of its time is left."""

    def __init__(self, quick, budget):
        self.quick, self.budget, self.began = quick, budget, time.monotonic()

    def seconds(self):
        return time.monotonic() - self.began

    def left(self):
        return self.budget - self.seconds()

    def say(self, text):
        print(f"  {self.seconds():5.0f} s  {text}", file=sys.stderr, flush=True)


def main(question, measure, budget, budget_quick):
    """Runs measure(run), which returns rows and definitions; writes and prints the report. Exit status 1 if the question
    could not be answered, else 0, whatever the bars say: those are told in the table."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help=f"within {budget_quick} s rather than {budget} s, and rougher")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output, instead of a table")
    arguments = parser.parse_args()
    os.environ["LC_ALL"] = "C"
    run = Run(arguments.quick, budget_quick if arguments.quick else budget)
    host = machine()
    try:
        with contextlib.redirect_stdout(sys.stderr if arguments.json else sys.stdout):
            rows, definitions, *tables = measure(run)
    except (BenchError, OSError) as error:
        print(f"{question}: {error}", file=sys.stderr)
        sys.exit(1)
    report(question, rows, quick=run.quick, definitions=definitions, seconds=run.seconds(), as_json=arguments.json,
           tables=tables[0] if tables else (), host=host)
    if run.left() < 0:
        print(f"{question}: took {run.seconds():.0f} s, more than its {run.budget} s", file=sys.stderr)
