#!/usr/bin/python3 -B
"""Truth: how far is the round trip that each tool tells from what captures at both ends of the wire say of the same probe:
on an idle host, with all CPUs busy, with the tool throttled to 5 % of a CPU that it shares, and with 1,000 targets."""
import os
import subprocess
import time

from bench import (Bar, BenchError, Hosts, LIMITS_TOLD, Row, Throttle, main, median, number, percentile,
                   spread)
from probers import PROBERS, REFLECTOR_ADDRESSES, BlackboxExporter, CanaryIcmp, CanaryStamp, Ping, Smokeping
from referee import Referee

US = 1e6
TIMEOUT = 1.0        # seconds, of all tools
SETTLED = 0.5        # seconds of each window in which a probe begins that does not count
PERCENT = 5          # of one CPU, for tool and hog together
TARGETS, INTERVAL = 50, 0.5
ONE_INTERVAL = 0.012  # of a single target: below the 100 a second that a reflector answers to one peer
MANY, MANY_INTERVAL = 1000, 1.0
MEDIAN_BAR = Bar("RTT on a bare veth against captures: median difference <= 5 us", 5)
P99_BAR = Bar("RTT on a bare veth against captures: p99 of the difference <= 50 us", 50)
RATIO_BAR = Bar("p99 RTT throttled <= 1.2 x own idle p99", 1.2)
USER_SPACE = (Smokeping.name, BlackboxExporter.name)
PEERS_BAR = Bar("where peers with a clock in user space show >= 100 x", 100, least=True)
SHARE_BAR = Bar("throttled in >= 80 % of periods", 80, least=True)
LOSS_BAR = Bar("no false loss", 0)
DEFINITIONS = [
    "Error: |RTT told by the tool - RTT by captures|, of each probe by itself. Captures: packet sockets, stamps in ns by the "
    "kernel. RTT by captures: from when the request is handed to the veth to when its reply arrives from it, at the near end.",
    "STAMP: the reflector's time is not part of what kube-canary tells: as told in the reply it is put back, to be held "
    "against the near end. 'Net' is RTT as kube-canary tells it, against the captures' RTT less the time between request "
    f"and reply at the far end, where a kube-canary reflects in the kernel (for up to {REFLECTOR_ADDRESSES} targets; for more a "
    "process does). A veth has no length: what net tells with no capture at all is the kernel's way between wire and programs, four "
    "times, and cold with one target; a row below says how much.",
    "A capture makes the kernel stamp each packet of the host as it arrives, as the sockets of NTP clients and of ping do. Where these "
    "stamps are, kube-canary takes T4 and T2 by them: there it agrees with the captures by construction, and what is in the error is the "
    "way from T1 to the wire and, in 'net', from T3 to the wire, the capture's copy of the packet included. Where nobody wants them, T4 "
    "and T2 are by the program's own clock, later by what the packet waits and the kernel does before: 'RTT told with no capture at all' "
    "below, unless others on this machine want stamps meanwhile.",
    "The captures themselves take time: a row below says what they, and the stamps that they switch on, change in the RTT. Replies are "
    "captured behind all programs (their stamp is that of the arrival). Only for 'net' is there a capture at the far end, too.",
    "False loss: the reply was at the near end within a second, but the tool tells no RTT of that probe, though it ran on "
    "(those that read late: for 2 s). % of due: probes sent of those that were due at the pace asked for.",
    "kube-canary and smokeping_prober tell single probes in their log (level debug), ping and fping in their output, "
    "blackbox_exporter in its answer to each request. ping and fping round: to 1 us below 1 ms, to three digits above.",
    "Busy: a busy loop for each CPU. Throttled: the tool, already started, is put into a cgroup with 5 % of one CPU, in which "
    "a busy loop runs. Rounds are interleaved: idle, busy, throttled, idle ... in one run of each tool.",
    "ping and fping let the kernel stamp their replies (SO_TIMESTAMP) and read the clock for the sending only: being throttled "
    "shows in their pace rather than in their RTT. The bar for peers is that of those whose clock is in user space.",
    "ping takes one process for each target, so it has one, at the pace of all the others' together.",
    f"blackbox_exporter is asked at most 50 times a second. {LIMITS_TOLD}.",
]


class Found:
    """What readings say: errors and round trips in us; and of how many probes that were due."""

    def __init__(self, readings, due=None):
        self.due = due
        judged = [(said, true) for _, said, true in readings if true is not None]
        pairs = [(said * US, true * US) for said, true in judged if said is not None]
        self.errors = [abs(said - true) for said, true in pairs]
        self.signed = [said - true for said, true in pairs]
        self.said = [said for said, _ in pairs]
        self.true = [true for _, true in pairs]
        self.probes = len(judged)
        self.false_losses = sum(said is None and true < TIMEOUT for said, true in judged)

    def line(self, condition, who):
        if not self.errors:
            return [condition, who, *["-"] * 4, self.probes, self.pace(), self.false_losses, *["-"] * 4]
        return [condition, who, percentile(self.errors, 0.5), percentile(self.errors, 0.99), percentile(self.errors, 0.999),
                max(self.errors), self.probes, self.pace(), self.false_losses, percentile(self.said, 0.5),
                percentile(self.said, 0.99), percentile(self.true, 0.5), percentile(self.true, 0.99)]

    def pace(self):
        """Sent of those that were due, in percent."""
        return round(min(100, 100 * self.probes / self.due)) if self.due else "-"


HEADINGS = ["condition", "who", "error: median", "p99", "p99.9", "worst", "probes", "% of due", "false losses",
            "RTT told: p50", "p99", "by captures: p50", "p99"]


class Window:
    """A stretch of the wall clock in which a condition held."""

    def __init__(self, condition, settled=SETTLED):
        self.condition, self.settled, self.share = condition, settled, None

    def __enter__(self):
        self.begin = time.time_ns() + int(self.settled * 1e9)
        return self

    def __exit__(self, *_):
        self.end = time.time_ns()

    def seconds(self):
        return (self.end - self.begin) / 1e9

    def of(self, readings):
        return [one for one in readings if self.begin <= one[0].out < self.end]


class Busy:
    """A busy loop for each CPU, as one process that ends with them."""

    def __enter__(self):
        self.loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in os.sched_getaffinity(0)]

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait()


def window_idle(_tool, seconds):
    with Window("idle") as window:
        time.sleep(seconds)
    return window


def window_busy(_tool, seconds):
    with Busy(), Window("all CPUs busy") as window:
        time.sleep(seconds)
    return window


def window_throttled(tool, seconds):
    with Throttle(PERCENT) as throttle:
        pids = [pid for process in tool.processes for pid in process.pids()]
        for pid in pids:
            throttle.enter(pid)
        try:
            throttle.started()
            with Window(f"throttled to {PERCENT} %") as window:
                time.sleep(seconds)
            window.share = throttle.share() * 100
        finally:
            for pid in pids:
                throttle.leave(pid)
    return window


def observe(prober, targets, interval, windows):
    """Runs the tool through the windows. The tool, the windows as they were, and readings by who told them."""
    real = targets if prober is CanaryStamp and targets <= REFLECTOR_ADDRESSES else 0
    with Hosts(real=real) as hosts:
        seconds = sum(seconds for _, seconds in windows) + 5
        tool = prober(hosts, hosts.targets(targets), interval, seconds)
        with Referee(hosts, ("near", "far") if real else ("near",)) as referee:
            tool.start()
            passed = [make(tool, seconds) for make, seconds in windows]
            tool.stop()
            exchanges = referee.finish()
        views = {prober.name: tool.readings(exchanges)}
        if prober is CanaryStamp and real:
            views[f"{prober.name}, net"] = tool.readings_net(exchanges)
    tool.answered = sum(one.back is not None for one in exchanges)
    tool.unanswered = len(exchanges) - tool.answered
    return tool, passed, views


class Answers:
    """What is found, tool by tool, as rows with bars and as one wide table."""

    def __init__(self, run):
        self.run, self.ratios, self.rows, self.lines, self.shares = run, [], [], [], []

    def attempt(self, work, prober, *arguments):
        """A tool that cannot keep up, or not even start, is told as that; the others go on."""
        try:
            work(self, prober, *arguments)
        except BenchError as error:
            self.run.say(f"{prober.name}: {error}")
            what = f"{MANY:,} targets" if arguments[0] == MANY else "1 target" if work is idle else f"{TARGETS} targets"
            ours = issubclass(prober, CanaryIcmp)
            self.rows.append(Row(f"failed, {what}", prober.name, 1, "failure", bar=Bar("it works at all", 0) if ours else None,
                                 note=str(error).replace("\n", " ")[-160:]))

    def add(self, condition, who, found):
        self.lines.append(found.line(condition, who))
        if not found.errors:
            raise BenchError(f"{who}, {condition}: no probe that both saw")
        self.run.say(f"{who}, {condition}: {found.probes} probes, error: median {median(found.errors):.1f} us, p99 "
                     f"{percentile(found.errors, 0.99):.1f} us, {found.false_losses} false losses")

    def bare(self, condition, who, found):
        """kube-canary's, with the bars for a bare veth. All others are in the table."""
        if not who.startswith("kube-canary"):
            return
        for what, share, bar in (("median", 0.5, MEDIAN_BAR), ("p99", 0.99, P99_BAR)):
            self.rows.append(Row(f"RTT error, {condition}: {what}", who, percentile(found.errors, share), "us", bar=bar))

    def losses(self, prober, tool):
        """By kube-canary's own word, whatever its log tells: what it counted as lost though all came back."""
        if issubclass(prober, CanaryIcmp):
            self.rows.append(Row(f"counted as lost beyond those unanswered on the wire, of {tool.answered:,}", prober.name,
                                 max(0, int(tool.lost) - tool.unanswered), "probes", bar=LOSS_BAR,
                                 note=f"unstamped: {tool.unstamped:.0f}"))

    @staticmethod
    def ratio_bar(who):
        return RATIO_BAR if who.startswith("kube-canary") else PEERS_BAR if who in USER_SPACE else None

    def throttled(self, who, idle, throttled):
        """The ratio of all rounds together, and those of each round."""
        whole = Found(sum(throttled, [])), Found(sum(idle, []))
        rounds = [(Found(a), Found(b)) for a, b in zip(throttled, idle)]
        ratio, captured = (percentile(getattr(whole[0], of), 0.99) / percentile(getattr(whole[1], of), 0.99)
                           for of in ("said", "true"))
        over = [percentile(a.said, 0.99) / percentile(b.said, 0.99) for a, b in rounds if a.said and b.said]
        self.ratios.append(Row(f"p99 RTT throttled to {PERCENT} % / idle", who, ratio, "x", spread=spread(over),
                               bar=self.ratio_bar(who),
                               note=f"of all rounds together, in brackets each round's; by captures: {captured:.2f} x"))

    def compared(self):
        """p99 of the error of each tool by that of kube-canary with echo, which sends the same packets."""
        p99 = {(line[0], line[1]): line[3] for line in self.lines}
        conditions = list(dict.fromkeys(line[0] for line in self.lines))
        names = [prober.name for prober in PROBERS if any(line[1] == prober.name for line in self.lines)]
        lines = []
        for condition in conditions:
            ours = p99.get((condition, CanaryIcmp.name))
            told = [p99.get((condition, name)) for name in names]
            lines.append([condition, *("-" if not ours or value is None else f"{number(value / ours)} x" for value in told)])
        return "p99 of the error, in multiples of kube-canary's (ICMP):", ["condition", *names], lines


def idle(answers, prober, targets, interval, seconds):
    tool, (window,), views = observe(prober, targets, interval, [(window_idle, seconds + SETTLED)])
    condition = f"idle, {targets:,} target{'s' if targets > 1 else ''}"
    for who, readings in views.items():
        found = Found(window.of(readings), tool.rate() * window.seconds())
        answers.add(condition, who, found)
        answers.bare(condition, who, found)
    answers.losses(prober, tool)


def cycle(answers, prober, rounds, seconds, makers=(window_idle, window_busy, window_throttled)):
    windows = [(make, seconds + SETTLED) for _ in range(rounds) for make in makers]
    tool, passed, views = observe(prober, TARGETS, INTERVAL, windows)
    answers.shares += [window.share for window in passed if window.share is not None]
    for who, readings in views.items():
        by_condition, due = {}, {}
        for window in passed:
            by_condition.setdefault(window.condition, []).append(window.of(readings))
            due[window.condition] = due.get(window.condition, 0) + tool.rate() * window.seconds()
        for condition, found in by_condition.items():
            answers.add(f"{condition}, {TARGETS} targets", who, Found(sum(found, []), due[condition]))
        if f"{who}, net" not in views:  # else that is what it tells users
            answers.throttled(who, by_condition["idle"], by_condition[f"throttled to {PERCENT} %"])
    answers.losses(prober, tool)


def told_median(prober, ends, seconds):
    """Of the RTT, in us, with captures at these ends."""
    with Hosts(real=1) as hosts:
        tool = prober(hosts, hosts.targets(1), ONE_INTERVAL, seconds)
        with Referee(hosts, ends):
            tool.start()
            time.sleep(seconds)
            tool.stop()
        return median([rtt for _, _, rtt, _ in tool.lines()][10:]) / 1000


def capture_cost(prober, ends, rounds, seconds):
    """What the captures add to the RTT that kube-canary tells: medians with them less those without, in interleaved
    rounds; and those without."""
    pairs = [(told_median(prober, (), seconds), told_median(prober, ends, seconds)) for _ in range(rounds)]
    added, alone = [more - none for none, more in pairs], [none for none, _ in pairs]
    return [Row(f"what the captures, and the stamps they switch on, add to the RTT told, 1 target; {' and '.join(ends)} end", prober.name,
                median(added), "us", spread=spread(added)),
            Row("RTT told with no capture at all, 1 target", prober.name, median(alone), "us", spread=spread(alone))]


def measure(run):
    answers = Answers(run)
    quick = run.quick
    for prober in [CanaryIcmp] if quick else PROBERS:
        answers.attempt(idle, prober, 1, ONE_INTERVAL, 1 if quick else 6)
    for prober in [CanaryIcmp, Smokeping] if quick else PROBERS:
        answers.attempt(cycle, prober, 1 if quick else 2, 1.5 if quick else 4.5)
    for prober in [CanaryIcmp] if quick else [each for each in PROBERS if each is not Ping]:
        answers.attempt(idle, prober, MANY, MANY_INTERVAL, 2 if quick else 4)
    rows = answers.ratios + answers.rows
    if answers.shares:
        rows.append(Row("share of periods in which the cgroup was throttled", "all, least", min(answers.shares), "%",
                        spread=spread(answers.shares), bar=SHARE_BAR))
    if not quick:
        rows += capture_cost(CanaryIcmp, ("near",), 3, 1.2) + capture_cost(CanaryStamp, ("near", "far"), 3, 1.2)
    return rows, DEFINITIONS, [answers.compared(), ("Error and RTT, in us, of single probes:", HEADINGS, answers.lines)]


if __name__ == "__main__":
    main("truth", measure, budget=360, budget_quick=28)
