"""A cgroup with a share of one CPU, of version 2 or 1, and a hog in it that uses the share up.

Knows nothing of what is put in beside the hog.
"""
import os
import pathlib
import subprocess

from hosts import BenchError, eventually, fields

PERIOD_US = 100_000


def make_v2(name, quota):
    for root in (pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")):
        try:
            if "cpu" not in (root / "cgroup.controllers").read_text().split():
                continue
            if "cpu" not in (root / "cgroup.subtree_control").read_text().split():
                (root / "cgroup.subtree_control").write_text("+cpu")
            group = root / name
            group.mkdir()
        except OSError:
            continue
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        return group
    return None


def make_v1(name, quota):
    root = pathlib.Path("/sys/fs/cgroup/cpu")
    if not (root / "tasks").exists():
        return None
    group = root / name
    group.mkdir()
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(quota))
    return group


class Throttle:
    """`percent` of one CPU for all that is started with cgroup=throttle.group; a hog is in it from the start.

    started() before and share() after tell in what share of the periods it was throttled.
    """

    def __init__(self, percent, hog=True):
        self.percent, self.hog = percent, hog
        self.group = self.busy = None
        self.before = (0, 0)

    def __enter__(self):
        name, quota = f"kc-bench-{os.getpid()}", self.percent * PERIOD_US // 100
        self.group = make_v2(name, quota) or make_v1(name, quota)
        if not self.group:
            raise BenchError("no cgroup with a CPU limit, neither of version 2 nor 1")
        if self.hog:
            self.busy = subprocess.Popen(["sh", "-c", "while :; do :; done"],
                                         preexec_fn=lambda: self.enter(os.getpid()))
        self.started()
        return self

    def enter(self, pid):
        (self.group / "cgroup.procs").write_text(str(pid))

    def leave(self, pid):
        try:
            (self.group.parent / "cgroup.procs").write_text(str(pid))
        except ProcessLookupError:
            pass  # it ended meanwhile

    def periods(self):
        stat = fields(self.group / "cpu.stat")
        return stat["nr_periods"], stat["nr_throttled"]

    def started(self):
        self.before = self.periods()

    def share(self):
        periods, throttled = (now - then for now, then in zip(self.periods(), self.before))
        return throttled / periods if periods else 0.0

    def __exit__(self, *_):
        if self.busy:
            self.busy.kill()
            self.busy.wait()
        eventually(5, lambda: not (self.group / "cgroup.procs").read_text().strip(), "the cgroup is empty")
        self.group.rmdir()
