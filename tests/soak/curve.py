# SPDX-License-Identifier: Apache-2.0
"""
The curve of memory and descriptors: its rows, whether anything grows, and a short table of it. Must not know nodes or faults.
"""
import collections
import os
import re
import statistics

COLUMNS = ['resident_loader_kib', 'resident_canary_kib', 'anonymous_loader_kib', 'anonymous_canary_kib', 'descriptors_loader',
           'descriptors_canary']
HEAD = ['second', 'node', 'start', *COLUMNS, 'sent', 'lost', 'dropped']
# Resident memory is shown only: pages of the program's file come as they are used, and the kernel maps sixteen of them at once.
JUDGED = [column for column in COLUMNS if not column.startswith('resident')]
LONG_ROWS = 400  # of a process that lived so long, the last third is compared with the one before; of others, ends
SHORT_ROWS = 20  # of one that did not live so long nothing is said
GROWTH = {True: 1.05, False: 1.15}  # of memory in a process that lived long, or did not
# A young process has pages that nobody needed before: some 220 KiB more when all its places for probed peers were used once, and
# up to 370 that a siege's connections took, which the C library keeps. One that lived long has had all that.
SPARE = {'kib': {True: 32, False: 220 + 370}, 'descriptors': {True: 1, False: 4}}


def memory_kib(pid):
    """Resident, and of that what is backed by no file: of the process's own."""
    try:
        with open(f'/proc/{pid}/status') as file:
            sizes = dict(re.findall(r'^(VmRSS|RssAnon):\s+(\d+) kB', file.read(), re.M))
        return int(sizes['VmRSS']), int(sizes['RssAnon'])
    except (OSError, KeyError):
        return None, None


def descriptors(pid):
    try:
        return len(os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return None


class Curve:
    def __init__(self, path):
        self.path, self.rows = path, []
        self.file = open(path, 'w', buffering=1)
        self.file.write(','.join(HEAD) + '\n')

    def add(self, *values):
        row = dict(zip(HEAD, values))
        self.rows.append(row)
        self.file.write(','.join('' if value is None else str(value) for value in row.values()) + '\n')

    def lives(self):
        """Of each process: its node, its number, and its rows."""
        lives = collections.defaultdict(list)
        for row in self.rows:
            lives[row['node'], row['start']].append(row)
        return lives

    def judge(self, find, columns):
        """Nothing grows. Each value after the start against each before the end would be noise: medians of thirds, or ends."""
        for (node, start), rows in self.lives().items():
            for column in columns:
                values = [row[column] for row in rows if row[column] is not None]
                if len(values) < SHORT_ROWS:
                    continue
                long = len(values) >= LONG_ROWS
                part = len(values) // 3 if long else 10
                first = values[part:2 * part] if long else values[:part]
                last = values[-part:]
                before = statistics.median(first) if long else max(first)
                after = statistics.median(last)
                kib = column.endswith('kib')
                limit = before * GROWTH[long] + SPARE['kib'][long] if kib else before + SPARE['descriptors'][long]
                if after > limit:
                    find(f'{column} of node {node}, start {start}, {len(values)} looks: {before:.0f} at first, {after:.0f} in the end')

    def table(self):
        """Minimum/median/maximum in each third of the time."""
        if not self.rows:
            return []
        end = self.rows[-1]['second'] or 1
        lines = [f'{"":24}' + ''.join(f'{title:>24}' for title in ['first third', 'second third', 'last third'])]
        for node in sorted({row['node'] for row in self.rows}):
            for column in COLUMNS:
                cells = []
                for third in range(3):
                    values = [row[column] for row in self.rows if row['node'] == node and row[column] is not None
                              and third == min(2, int(3 * row['second'] / end))]
                    cells.append(f'{min(values)}/{statistics.median(values):.0f}/{max(values)}' if values else '-')
                lines.append(f'{node} {column:22}' + ''.join(f'{cell:>24}' for cell in cells))
        return lines
