"""TCP over two equal wires between two namespaces, by turns: whatever is on one of them shows in the ratio.

Knows nothing of what that is.
"""
import array
import fcntl
import math
import os
import pathlib
import signal
import socket
import termios
import time

from hosts import BenchError
from tools import inside

CHUNK = bytes(64 << 10)  # small, for short turns
UNACKNOWLEDGED = 0x5411  # SIOCOUTQ, of <linux/sockios.h>
PORT = 5201
# Each wire by its interface's name, which is the same at both ends, and its addresses.
WIRES = {"eth8": {"near": "198.18.8.1", "far": "198.18.8.2"}, "eth9": {"near": "198.18.9.1", "far": "198.18.9.2"}}
OTHER = {"near": "far", "far": "near"}


def wire_up(hosts):
    near, far = hosts.names["near"], hosts.names["far"]
    for wire, addresses in WIRES.items():
        hosts.run("near", ["ip", "link", "add", wire, "netns", near, "type", "veth", "peer", "name", wire, "netns", far])
        for where, address in addresses.items():
            hosts.run(where, ["ip", "address", "add", f"{address}/24", "dev", wire])
            hosts.run(where, ["ip", "link", "set", wire, "up"])
    for where in OTHER:
        # So that a connection that had a rest goes on as it was.
        hosts.run(where, ["sysctl", "-qw", "net.ipv4.tcp_slow_start_after_idle=0", "net.ipv4.tcp_no_metrics_save=1"])


def offload(hosts, whole):
    """Whether segments stay whole on the wires (TSO); else each packet of 1,500 octets goes alone."""
    word = "on" if whole else "off"
    for wire in WIRES:
        for where in OTHER:
            hosts.run(where, ["ethtool", "-K", wire, "tx", word, "tso", word])


def drain(sock, cpu):
    """A process that reads all that comes, until the end. Its id."""
    child = os.fork()
    if child:
        return child
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.sched_setaffinity(0, {cpu})
        buffer = bytearray(1 << 20)
        while sock.recv_into(buffer):
            pass
    finally:
        os._exit(0)


def on_cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def softirq_threads():
    """The kernel's, which take over when there is too much of it for whoever runs."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith("ksoftirqd/"):
                found.append(int(path.parent.name))
        except OSError:  # a process that ended
            continue
    return found


class Flow:
    """A connection over one wire from one end to the other, and who reads it."""

    def __init__(self, hosts, wire, source, cpu):
        self.helpers = softirq_threads()
        target, address = OTHER[source], WIRES[wire][OTHER[source]]
        with inside(hosts, target, lambda: socket.create_server((address, PORT))) as listening:
            self.sock = inside(hosts, source, lambda: socket.create_connection((address, PORT), timeout=5))
            self.receiving, _ = listening.accept()  # kept, to ask what is not read
        self.child = drain(self.receiving, cpu)
        self.sock.settimeout(5)

    def under_way(self):
        """Octets that are not acknowledged, or not read."""
        count, total = array.array("i", [0]), 0
        for sock, which in ((self.sock, UNACKNOWLEDGED), (self.receiving, termios.FIONREAD)):
            fcntl.ioctl(sock, which, count)
            total += count[0]
        return total

    def used_seconds(self):
        """CPU of all that have a part in it: the sender (with the softirqs that it raises), the receiver, the kernel's
        threads."""
        return time.thread_time() + sum(on_cpu_seconds(pid) for pid in (self.child, *self.helpers))

    def rate(self, seconds):
        """Bits per second, until the last octet is read; and bits per second of CPU. (0, 0) if it had no turn at all."""
        began, used, octets = time.monotonic(), self.used_seconds(), 0
        while time.monotonic() - began < seconds:
            self.sock.sendall(CHUNK)
            octets += len(CHUNK)
        while self.under_way():
            if time.monotonic() - began > seconds + 5:
                raise BenchError("TCP stands still")
            time.sleep(0.0001)
        if not octets:
            return 0.0, 0.0
        return 8 * octets / (time.monotonic() - began), 8 * octets / (self.used_seconds() - used)

    def close(self):
        self.sock.close()
        self.receiving.close()
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)


class Race:
    """All flows, sender and receivers pinned: to a CPU each, or all to one of them."""

    def __init__(self, hosts):
        self.hosts, self.flows, self.allowed = hosts, {}, os.sched_getaffinity(0)

    def __enter__(self):
        try:
            for source in OTHER:
                for wire in WIRES:
                    # Later children hold the earlier flows' sockets, too: so they are killed, not waited for.
                    self.flows[source, wire] = Flow(self.hosts, wire, source, max(self.allowed))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for flow in self.flows.values():
            flow.close()
        self.flows = {}

    def rounds(self, source, ours, count, seconds, together=False):
        """[(rates on our wire, rates on the other one)], now this one first and now that one; `together` on one CPU."""
        theirs = next(wire for wire in WIRES if wire != ours)
        pairs = []
        for wire in WIRES:
            os.sched_setaffinity(self.flows[source, wire].child, {(min if together else max)(self.allowed)})
        os.sched_setaffinity(0, {min(self.allowed)})
        try:
            for number in range(count):
                rates = {wire: self.flows[source, wire].rate(seconds)
                         for wire in ((ours, theirs) if number % 2 else (theirs, ours))}
                pairs.append((rates[ours], rates[theirs]))
        finally:
            os.sched_setaffinity(0, self.allowed)
        return pairs


def median_interval(values):
    """Where the median of all that might have been measured lies, with 95 % confidence (by ranks)."""
    values, half = sorted(values), 0.98 * math.sqrt(len(values))
    low = max(0, math.floor(len(values) / 2 - half) - 1)
    return values[low], values[min(len(values) - 1, math.ceil(len(values) / 2 + half) - 1)]
