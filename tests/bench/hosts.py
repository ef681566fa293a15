"""Hosts to measure on: two namespaces and a wire, processes in them, and what those cost.

Everything made here carries the name of this process and goes away with it, however it ends. Nothing
outside of the two namespaces is touched. Knows nothing of kube-canary, nor of what is measured.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

NEAR_ADDRESS = "198.18.0.1"
FAR_ADDRESS = "198.18.0.2"
WIRE_LENGTH = 24
# What the far host answers at, all of them behind one next hop: one neighbour, whatever their number.
TARGETS_BASE = (198, 19)
TARGETS_MAX = 60000
# ping and the probes come in thousands each second: the kernel's limits for ICMP are not what is measured.
SYSCTLS = (
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.router_solicitations=0",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv4.icmp_msgs_per_sec=1000000",
    "net.ipv6.icmp.ratelimit=0",
)
LIMITS_TOLD = "in both namespaces: no limit on the rate of ICMP, TX checksums computed (ethtool -K tx off)"


class BenchError(Exception):
    """A question that cannot be answered here, and why."""


def on_signal(number, _frame):
    raise SystemExit(128 + number)


def command(argv, **options):
    """Runs it to its end; its words are in the error if it fails."""
    options.setdefault("text", True)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    if done.returncode != 0:
        said = done.stderr if options["text"] else done.stderr.decode(errors="replace")
        raise BenchError(f"{' '.join(map(str, argv))[:200]}: status {done.returncode}: {said.strip()[-400:]}")
    return done.stdout


def eventually(seconds, question, what="", pause=0.02):
    """Asks until the answer is true (which it returns); raises if what was hoped for does not come."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise BenchError(f"not within {seconds} s: {what or question.__name__}")
        time.sleep(pause)


def target(index):
    return f"{TARGETS_BASE[0]}.{TARGETS_BASE[1]}.{index // 250}.{1 + index % 250}"


class Hosts:
    """Two namespaces joined by a veth: `near` measures, `far` answers at as many addresses as are asked for.

    The addresses are a local route (they cost nothing), so the far kernel answers echo requests to all of them. A
    kube-canary that shall reflect there wants addresses that are its own: real=N gives the first N to eth0.
    """

    def __init__(self, real=0, mtu=1500):
        self.real, self.mtu = real, mtu
        self.prefix = f"kc-bench-{os.getpid()}"
        self.names = {where: f"{self.prefix}-{where}" for where in ("near", "far")}
        self.processes = []
        self.at_end = []
        self.scratch = None
        self.handlers = {}

    def __enter__(self):
        if os.geteuid() != 0:
            raise BenchError("namespaces need root")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.handlers[number] = signal.signal(number, on_signal)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self.scratch.chmod(0o755)  # kube-canary reads its peers as nobody
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        for name in self.names.values():
            command(["ip", "netns", "add", name])
        for where in self.names:
            self.run(where, ["sysctl", "-qw", *SYSCTLS])
            self.run(where, ["ip", "link", "set", "lo", "up"])
        command(["ip", "link", "add", "eth0", "netns", self.names["near"], "mtu", str(self.mtu), "type", "veth",
                 "peer", "name", "eth0", "netns", self.names["far"], "mtu", str(self.mtu)])
        for where, address in (("near", NEAR_ADDRESS), ("far", FAR_ADDRESS)):
            self.run(where, ["ethtool", "-K", "eth0", "tx", "off"])
            self.run(where, ["ip", "link", "set", "eth0", "up"])
            self.run(where, ["ip", "address", "add", f"{address}/{WIRE_LENGTH}", "dev", "eth0"])
        base = "%d.%d.0.0/16" % TARGETS_BASE
        self.run("far", ["ip", "route", "add", "local", base, "dev", "lo"])
        self.run("near", ["ip", "route", "add", base, "via", FAR_ADDRESS])
        if self.real:
            lines = "".join(f"address add {address}/32 dev eth0\n" for address in self.targets(self.real))
            self.run("far", ["ip", "-batch", "-"], input=lines)
        self.run("near", ["ping", "-c", "1", "-W", "2", FAR_ADDRESS])  # the one neighbour is known from here on

    def __exit__(self, *_):
        """Again and again until all is gone: a signal that comes meanwhile must not leave anything."""
        for number in self.handlers:
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self.processes):
            process.stop()
        for ending in reversed(self.at_end):
            try:
                ending()
            except (OSError, BenchError) as error:
                print(f"bench: {error}", flush=True)
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def targets(self, count):
        if not 0 <= count <= TARGETS_MAX:
            raise BenchError(f"{count} targets; expected 0 to {TARGETS_MAX}")
        return [target(i) for i in range(count)]

    def inside(self, where, argv):
        """The command that runs in that namespace. `ip netns exec` becomes the program: its id is the program's."""
        return ["ip", "netns", "exec", self.names[where], *map(str, argv)]

    def run(self, where, argv, **options):
        return command(self.inside(where, argv), **options)

    def start(self, where, argv, cgroup=None, log=None, stdout=None, env=None):
        """Starts it; `cgroup` is a folder that it is in from its first instruction. Output goes to `log` (a path in
        scratch by default, Process.log), or standard output alone to the open file `stdout`."""
        argv = [str(word) for word in argv]
        path = pathlib.Path(log) if log else self.scratch / f"{os.path.basename(argv[0])}-{len(self.processes)}.log"

        def enter():
            if cgroup:
                (pathlib.Path(cgroup) / "cgroup.procs").write_text(str(os.getpid()))

        with open(path, "ab") as output:
            child = subprocess.Popen(self.inside(where, argv), stdin=subprocess.DEVNULL, stdout=stdout or output,
                                     stderr=output, preexec_fn=enter, env={**os.environ, **(env or {})})
        process = Process(child.pid, child, path, argv)
        self.processes.append(process)
        return process


def children_of(pid):
    """All that descend from it, at this moment."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text()
            for child in map(int, text.split()):
                found += [child, *children_of(child)]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def fields(path):
    """A file of lines such as `Pss: 12 kB`, as numbers by name; what is no number is left out."""
    result = {}
    for line in pathlib.Path(path).read_text().splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            result[words[0]] = int(words[1])
    return result


class Process:
    """A running program with all its children: kube-canary is two processes. Figures are sums over all of them."""

    def __init__(self, pid, child=None, log=None, argv=()):
        self.pid, self.child, self.log, self.argv = pid, child, log, list(argv)

    def pids(self):
        return [self.pid, *children_of(self.pid)]

    def tasks(self):
        for pid in self.pids():
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    yield f"/proc/{pid}/task/{task}"
            except (FileNotFoundError, ProcessLookupError):
                continue

    def ended(self):
        if self.child:
            return self.child.poll() is not None
        return not os.path.exists(f"/proc/{self.pid}")

    def cpu_seconds(self):
        """Time on a CPU, by the scheduler's own account in ns. Of tasks that live: a thread that ended takes its time
        away, so ask at two moments between which none ends (ticks() does not mind, but counts in 10 ms)."""
        return sum(int(pathlib.Path(task, "schedstat").read_text().split()[0]) for task in self.tasks()) / 1e9

    def cpu_seconds_by_ticks(self):
        """utime + stime of the processes, those of ended threads included; in ticks of 10 ms."""
        total = 0
        for pid in self.pids():
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(words[11]) + int(words[12])
        return total / os.sysconf("SC_CLK_TCK")

    def wakeups(self):
        """Voluntary context switches: how often it slept, and so was woken."""
        return sum(fields(f"{task}/status")["voluntary_ctxt_switches"] for task in self.tasks())

    def memory(self, pid=None):
        """Bytes by name (rss, pss, anonymous, pss_anonymous), of all processes or of one."""
        names = {"rss": "Rss", "pss": "Pss", "anonymous": "Anonymous", "pss_anonymous": "Pss_Anon"}
        total = dict.fromkeys(names, 0)
        for one in [pid] if pid else self.pids():
            rollup = fields(f"/proc/{one}/smaps_rollup")
            for name, field in names.items():
                total[name] += rollup[field] * 1024
        return total

    def wait(self, seconds):
        """Its exit status, once it ends by itself."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self.argv[0]} does not end within {seconds} s") from None

    def stop(self, number=signal.SIGTERM, seconds=5):
        """Ends it and returns the exit status; SIGKILL if it does not listen."""
        if self.child is None or self.child.poll() is not None:
            return self.child.returncode if self.child else None
        family = children_of(self.pid)
        os.kill(self.pid, number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in [self.pid, *family]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return self.child.wait()

    def last_words(self, lines=8):
        try:
            return "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-lines:])
        except (OSError, TypeError):
            return ""
