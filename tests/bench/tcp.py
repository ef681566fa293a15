"""TCP over two equal wires between two namespaces, by turns: whatever is on one of them shows in the ratio of their times.

Who sends and who reads never sleep, and turns are short (0.1 to 4 ms), so neighbouring ones meet the same machine: with
sleepers, the order in which sender, reader and softirqs run is chance, and swings by 20 %. Knows nothing of what is on a wire.
"""
import math
import mmap
import os
import signal
import socket
import statistics
import struct
import time

from hosts import BenchError
from tools import inside

# Each wire by its interface's name, which is the same at both ends, and its addresses.
WIRES = {"eth8": {"near": "198.18.8.1", "far": "198.18.8.2"}, "eth9": {"near": "198.18.9.1", "far": "198.18.9.2"}}
OTHER = {"near": "far", "far": "near"}
PORT = 5201
WRITE = bytes(128 << 10)  # what iperf3 writes, and reads, at a time
WARM_UP = 128  # writes after which a connection's windows have grown
SECONDS_MAX = 5  # that anything takes; longer, and it stands still


class Way:
    """How both ends run: on a CPU each, or on one, where a thread sends so many writes, then reads them, and so on. Turns are
    of so many writes, contests of so many seconds, and so many of them tell enough. The send buffer is fixed, or the kernel
    tunes it as it goes along."""

    def __init__(self, name, ahead, writes, seconds, contests, send_buffer):
        self.name, self.ahead, self.writes, self.send_buffer = name, ahead, writes, send_buffer
        self.seconds, self.contests = seconds, contests

    def apart(self):
        return self.ahead == 0


# What is on its way, written and not read, stays in the caches of two CPUs if it is little: fastest, and swings least.
APART = Way("a CPU each", 0, 4, 0.05, 32, 64 << 10)
# As an ordinary connection does on one CPU, which has some MiB on its way whenever the reader gets its turn.
TOGETHER = Way("on one CPU", 32, 32, 0.2, 48, 16 << 20)
# The least work for an octet that there can be, hence the greatest share of whatever costs by the packet.
HOT = Way("on one CPU, within its cache", 1, 4, 0.05, 14, 2 << 20)
RECEIVE_BUFFER = 32 << 20
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33  # of <asm/socket.h>


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
    """Whether segments stay whole on the wires (TSO), as a veth has it; else each packet of 1,500 octets goes alone."""
    word = "on" if whole else "off"
    for wire in WIRES:
        for where in OTHER:
            hosts.run(where, ["ethtool", "-K", wire, "tx", word, "tso", word])


def listen(address):
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    listening.bind((address, PORT))
    listening.listen()
    return listening


def connect(address, send_buffer):
    sending = socket.socket()
    sending.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, send_buffer)
    sending.connect((address, PORT))
    return sending


class Flow:
    """A connection over one wire from one end to the other: both of its sockets."""

    def __init__(self, hosts, wire, source, send_buffer):
        target, address = OTHER[source], WIRES[wire][OTHER[source]]
        with inside(hosts, target, lambda: listen(address)) as listening:
            self.sending = inside(hosts, source, lambda: connect(address, send_buffer))
            self.receiving, _ = listening.accept()
        limit = struct.pack("ll", SECONDS_MAX, 0)  # the kernel's, since Python's costs a system call each time
        self.sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self.receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def lockstep(self, way, buffer):
        """A turn, all of it in one order and by who calls; in ns."""
        send, receive, left = self.sending.send, self.receiving.recv_into, 0
        began = time.perf_counter_ns()
        try:
            for _ in range(way.writes // way.ahead):
                for _ in range(way.ahead):
                    left += send(WRITE)
                while left:
                    left -= receive(buffer)
        except BlockingIOError:
            raise BenchError("TCP stands still") from None
        return time.perf_counter_ns() - began

    def close(self):
        self.sending.close()
        self.receiving.close()


class Reader:
    """A process on a CPU of its own that reads one of the flows, of which it is told the index, and never sleeps."""

    def __init__(self, flows, cpu):
        self.memory = mmap.mmap(-1, mmap.PAGESIZE)
        self.words = memoryview(self.memory).cast("Q")  # octets read, index
        self.child = os.fork()
        if self.child:
            return
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.sched_setaffinity(0, {cpu})
            for flow in flows:
                flow.sending.close()  # so that what it reads ends with who sends, however that ends
                flow.receiving.setblocking(False)
            self.read([flow.receiving.recv_into for flow in flows])
        finally:
            os._exit(0)

    def read(self, receivers):
        words, buffer, octets, receive, count = self.words, bytearray(len(WRITE)), 0, receivers[0], 1
        while count:
            try:
                count = receive(buffer)
                octets += count
                words[0] = octets
            except BlockingIOError:
                receive = receivers[words[1]]

    def close(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)


class Contest:
    """A new connection over each of two wires, between which turns go to and fro."""

    def __init__(self, hosts, source, way, wires):
        self.flows, self.reader, self.allowed = [], None, os.sched_getaffinity(0)
        self.way, self.buffer = way, bytearray(len(WRITE))
        try:
            for wire in wires:
                self.flows.append(Flow(hosts, wire, source, way.send_buffer))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        os.sched_setaffinity(0, {min(self.allowed)})
        try:
            if self.way.apart():
                for flow in self.flows:
                    flow.sending.setblocking(False)
                self.reader = Reader(self.flows, max(self.allowed))
            for _ in range(WARM_UP // self.way.writes):
                for index in range(len(self.flows)):
                    self.turn(index)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.allowed)
        if self.reader:
            self.reader.close()
        for flow in self.flows:
            flow.close()
        self.reader, self.flows = None, []

    def octets(self):
        """Of a turn."""
        return self.way.writes * len(WRITE)

    def turn(self, index):
        """In ns, until the last octet is read."""
        if not self.reader:
            return self.flows[index].lockstep(self.way, self.buffer)
        words, send, left = self.reader.words, self.flows[index].sending.send, self.octets()
        words[1], goal = index, words[0] + left
        began = time.perf_counter_ns()
        end = began + SECONDS_MAX * 10**9
        while left:
            try:
                left -= send(WRITE if left >= len(WRITE) else WRITE[:left])
            except BlockingIOError:
                if time.perf_counter_ns() > end:
                    raise BenchError("TCP stands still") from None
        while words[0] < goal:
            if time.perf_counter_ns() > end:
                raise BenchError("TCP stands still, or its reader")
        return time.perf_counter_ns() - began

    def run(self):
        """(Percent of throughput that the first wire loses against the second one, bits per second of the second one):
        medians over blocks of four turns, A B B A and B A A B."""
        return outcome(blocks(self.turn, self.way.seconds), self.octets())


def blocks(turn, seconds, clock=time.monotonic):
    """[(ns of two turns of the first one, ns of two of the second one)]. A drift that is even leaves their ratio alone."""
    found, end = [], clock() + seconds
    while clock() < end or len(found) < 2:
        times = [0, 0]
        for index in (0, 1, 1, 0) if len(found) % 2 else (1, 0, 0, 1):
            times[index] += turn(index)
        found.append(tuple(times))
    return found


def outcome(found, octets):
    """No block is left out: whatever an interrupt or a steal did to one does nothing to the median."""
    lost = statistics.median(100 * (1 - theirs / ours) for ours, theirs in found)
    return lost, statistics.median(2 * 8e9 * octets / theirs for _, theirs in found)


def median_interval(values):
    """Where the median of all that might have been measured lies, with 95 % confidence (by ranks)."""
    values, half = sorted(values), 0.98 * math.sqrt(len(values))
    low = max(0, math.floor(len(values) / 2 - half) - 1)
    return values[low], values[min(len(values) - 1, math.ceil(len(values) / 2 + half) - 1)]
