"""The referee: captures at the ends of the wire, and what they tell of each probe.

Packet sockets, stamped in ns by the kernel; knows echo (ICMP) and STAMP (UDP 862) well enough to tell which reply answers
which request, and nothing of the tools that sent them.
"""
import ctypes
import dataclasses
import mmap
import socket
import struct
import threading

from hosts import BenchError
from tools import inside

SNAP = 128           # octets: headers and the fields that are read
FRAME_BYTES = 256    # of the ring: the kernel's header and SNAP octets
FRAMES = 4096        # seconds of any tool, so that a reader that waits for a CPU loses nothing
FETCH_SECONDS = 0.05
STAMP_PORT = 862
STAMP_SENDER_SEQUENCE = 24  # its offset in a reflected packet, RFC 8762
ETHERTYPE_ALL, ETHERTYPE_IPV4, ICMP, UDP = 0x0003, 0x0800, 1, 17
ECHO_REPLY, ECHO_REQUEST = 0, 8
# Of <asm-generic/socket.h>, <linux/if_packet.h> and <linux/filter.h>; Python has no names for them.
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_OUTGOING = 263, 5, 6, 10, 4
TPACKET_V2, FRAME_HEADER = 1, struct.Struct("IIIHHII")  # status, length, captured, link layer at, network at, seconds, ns
FRAME_IS_OURS, FRAME_IS_STAMPED = 1, 1 << 29  # TP_STATUS_USER, TP_STATUS_TS_SOFTWARE
PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE
LOAD_OCTET, LOAD_HALF, LOAD_OCTET_IP, LOAD_HALF_IP, LENGTH_OF_IP, IF_EQUAL, RETURN = 0x30, 0x28, 0x50, 0x48, 0xB1, 0x15, 0x06


@dataclasses.dataclass(slots=True)
class Exchange:
    """One probe as the wire saw it, in ns of the wall clock; None for what was not seen."""
    target: str
    sequence: int
    out: int                 # request, near end
    back: int | None = None  # reply, near end
    far_in: int | None = None
    far_out: int | None = None

    def rtt(self):
        """Between the two captures at the near end, the far host's time within."""
        return self.back - self.out

    def residence(self):
        return self.far_out - self.far_in


def text(address):
    return "%d.%d.%d.%d" % tuple(address)


def read(frame):
    """(whether it is a request, the target's address, sequence), or None for what is neither echo nor STAMP."""
    if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IPV4:
        return None
    at = 14 + (frame[14] & 15) * 4
    source, destination = frame[26:30], frame[30:34]
    if frame[23] == ICMP and frame[at] in (ECHO_REPLY, ECHO_REQUEST):
        request = frame[at] == ECHO_REQUEST
        return request, text(destination if request else source), struct.unpack_from("!H", frame, at + 6)[0]
    if frame[23] == UDP:
        from_port, to_port = struct.unpack_from("!HH", frame, at)
        payload = at + 8
        if to_port == STAMP_PORT:
            return True, text(destination), struct.unpack_from("!I", frame, payload)[0]
        if from_port == STAMP_PORT:
            return False, text(source), struct.unpack_from("!I", frame, payload + STAMP_SENDER_SEQUENCE)[0]
    return None


def exchanges(near, far):
    """All probes of both captures, each of (ns, frame) in their order. A sequence that is used again begins another."""
    found, latest = [], {}
    for ns, frame in near:
        seen = read(frame)
        if not seen:
            continue
        request, *key = seen
        key = tuple(key)
        if request:
            latest[key] = Exchange(*key, ns)
            found.append(latest[key])
        elif key in latest and latest[key].back is None:
            latest[key].back = ns
    by_key = {}
    for one in found:
        by_key.setdefault((one.target, one.sequence), []).append(one)
    for ns, frame in far:
        seen = read(frame)
        if seen:
            far_end(by_key.get(tuple(seen[1:]), []), seen[0], ns)
    return found


def far_end(candidates, request, ns):
    for one in candidates:
        if request and one.far_in is None:
            one.far_in = ns
            return
        if not request and one.far_out is None:
            one.far_out = ns
            return


def assemble(lines):
    """Instructions of classic BPF; a name alone is a place to jump to, and no name goes on with what follows."""
    code, places = [], {}
    for line in lines:
        if isinstance(line, str):
            places[line] = len(code)
        else:
            code.append(line)
    octets = b""
    for at, (operation, operand, *jumps) in enumerate(code):
        octets += struct.pack("HBBI", operation, *(places[to] - at - 1 if to else 0 for to in jumps or (None, None)), operand)
    return octets


def packet_filter(outgoing_only):
    """What read() understands: few instructions, since each packet runs them between two stamps."""
    only = [(LOAD_OCTET, PACKET_TYPE), (IF_EQUAL, PACKET_OUTGOING, None, "drop")] if outgoing_only else []
    return assemble([
        *only, (LOAD_HALF, 12), (IF_EQUAL, ETHERTYPE_IPV4, None, "drop"), (LENGTH_OF_IP, 14),
        (LOAD_OCTET, 23), (IF_EQUAL, UDP, "udp", None), (IF_EQUAL, ICMP, None, "drop"),
        (LOAD_OCTET_IP, 14), (IF_EQUAL, ECHO_REQUEST, "keep", None), (IF_EQUAL, ECHO_REPLY, "keep", "drop"),
        "udp", (LOAD_HALF_IP, 14), (IF_EQUAL, STAMP_PORT, "keep", None),
        (LOAD_HALF_IP, 16), (IF_EQUAL, STAMP_PORT, "keep", "drop"),
        "keep", (RETURN, SNAP), "drop", (RETURN, 0)])


def attach(sock, code):
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))


class Capture:
    """A packet socket on an interface of the namespace that it is made in, with a ring. For ETHERTYPE_ALL it stands before
    the programs of the interface and sees both ways; for one protocol it stands behind them, and sees only what comes."""

    def __init__(self, interface, protocol, outgoing_only=False):
        self.records, self.next, self.unstamped = [], 0, 0
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # hears nothing before bind()
        attach(self.sock, packet_filter(outgoing_only))
        # Else the ring has a stamp of when its copy was ready, which is late, and behind the programs later than theirs.
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        ring = struct.pack("IIII", mmap.PAGESIZE, FRAMES * FRAME_BYTES // mmap.PAGESIZE, FRAME_BYTES, FRAMES)
        self.sock.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        self.ring = mmap.mmap(self.sock.fileno(), FRAMES * FRAME_BYTES)
        self.sock.bind((interface, protocol))

    def fetch(self):
        while True:
            at = self.next * FRAME_BYTES
            status, _, captured, link_layer, _, seconds, ns = FRAME_HEADER.unpack_from(self.ring, at)
            if not status & FRAME_IS_OURS:
                return
            self.unstamped += not status & FRAME_IS_STAMPED
            self.records.append((seconds * 1_000_000_000 + ns, self.ring[at + link_layer:at + link_layer + captured]))
            struct.pack_into("I", self.ring, at, 0)  # the kernel's again
            self.next = (self.next + 1) % FRAMES

    def lost(self):
        """Packets, since this was asked."""
        return struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]

    def close(self):
        self.ring.close()
        self.sock.close()


class Referee:
    """Captures from __enter__ to finish(), which returns the exchanges; __exit__ ends what is left. Of the ends near, far.

    What a capture does to a packet between its stamp and a tool's would be told as that tool's error, and with one target,
    of which each probe meets cold caches, that is microseconds. So, for all tools alike:
    - Requests have the stamp that the kernel takes as it hands them to the wire; what the capture does is after it.
    - Replies have that of their arrival (netif_rx), but who takes them stands where IP does, behind all programs of the
      interface: what it does is after everybody's stamp. It is the stamp that ping, fping and kube-canary go by as well.
    - At the far end nobody listens unless the time between is asked for. What does stands before the programs, since a
      kube-canary answers in one of them: its work is in RTT as captured and as told.
    - A ring, since a socket's queue keeps the packets' memory, and so the next ones are made of cold memory; nobody waits
      for it (no packet wakes anybody), it is fetched by the clock.
    Held against tcpdump at both ends, with one target and programs that stamped by their own clock alone: the error's median was
    3 (ICMP) to 9 % (STAMP) less, and with nobody at the far end RTT was told 8 instead of 12 us longer.
    """

    def __init__(self, hosts, ends=("near",)):
        self.hosts, self.ends, self.captures, self.failure = hosts, ends, {}, None
        self.ending, self.reader = threading.Event(), threading.Thread(target=self.fetch, daemon=True)

    def __enter__(self):
        if "near" in self.ends:
            self.captures["near"] = inside(self.hosts, "near", lambda: [Capture("eth0", ETHERTYPE_ALL, outgoing_only=True),
                                                                        Capture("eth0", ETHERTYPE_IPV4)])
        if "far" in self.ends:
            self.captures["far"] = inside(self.hosts, "far", lambda: [Capture("eth0", ETHERTYPE_ALL)])
        self.reader.start()
        return self

    def every(self):
        return sum(self.captures.values(), [])

    def fetch(self):
        try:
            while not self.ending.wait(FETCH_SECONDS):
                for capture in self.every():
                    capture.fetch()
        except Exception as error:  # pylint: disable=broad-except # told by finish()
            self.failure = error

    def finish(self):
        self.stop()
        if self.failure:
            raise BenchError(f"the referee failed: {self.failure!r}")
        for capture in self.every():
            capture.fetch()
            lost = capture.lost()
            if lost:
                raise BenchError(f"the referee lost {lost} packets of its own")
            if capture.unstamped:
                raise BenchError(f"the referee has {capture.unstamped} packets without a stamp of when they passed")
        near, far = (sorted(sum((one.records for one in self.captures.get(end, [])), [])) for end in ("near", "far"))
        return exchanges(near, far)

    def stop(self):
        if not self.ending.is_set():
            self.ending.set()
            self.reader.join()

    def __exit__(self, *_):
        self.stop()
        for capture in self.every():
            capture.close()
        self.captures = {}
