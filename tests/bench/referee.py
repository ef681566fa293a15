"""The referee: captures at both ends of the wire, and what they tell of each probe.

Reads pcap files with stamps in ns; knows echo (ICMP) and STAMP (UDP 862) well enough to tell which reply answers which
request, and nothing of the tools that sent them.
"""
import dataclasses
import re
import signal
import struct

from hosts import BenchError, eventually

SNAP = 128           # octets: headers and the fields that are read
BUFFER_KIB = 32768   # so that a capture that waits for a CPU loses nothing
STAMP_PORT = 862
STAMP_SENDER_SEQUENCE = 24  # its offset in a reflected packet, RFC 8762
PCAP_NS, PCAP_HEADER, RECORD_HEADER = 0xA1B23C4D, 24, 16
ETHERTYPE_IPV4, ICMP, UDP = 0x0800, 1, 17
ECHO_REPLY, ECHO_REQUEST = 0, 8


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


def packets(path):
    """(ns, frame) of each record of a pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < PCAP_HEADER or struct.unpack_from("<I", data)[0] != PCAP_NS:
        raise BenchError(f"{path}: no pcap file with stamps in ns")
    at = PCAP_HEADER
    while at + RECORD_HEADER <= len(data):
        seconds, ns, length = struct.unpack_from("<III", data, at)
        at += RECORD_HEADER
        yield seconds * 1_000_000_000 + ns, data[at:at + length]
        at += length


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
    """All probes of both captures in the order of their sending. A sequence that is used again begins another."""
    found, latest = [], {}
    for ns, frame in packets(near):
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
    for ns, frame in packets(far):
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


class Referee:
    """Captures from __enter__ to finish(), which returns the exchanges. Ends: near, far; what is beyond is captured only."""

    FILTER = f"icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply or udp port {STAMP_PORT}"

    def __init__(self, hosts, ends=("near", "far")):
        self.hosts, self.ends, self.files, self.captures = hosts, ends, [], []

    def __enter__(self):
        for where in self.ends:
            file = self.hosts.scratch / f"capture-{where}-{len(self.hosts.processes)}"
            argv = ["tcpdump", "-i", "eth0", "-n", "-Z", "root", "-s", SNAP, "-B", BUFFER_KIB,
                    "--time-stamp-precision=nano", "-w", file, self.FILTER]
            self.captures.append(self.hosts.start(where, argv))
            self.files.append(file)
        for capture in self.captures:
            eventually(10, lambda log=capture: "listening on" in log.last_words(), "tcpdump listens")
        return self

    def finish(self):
        for capture in self.captures:
            if capture.stop(signal.SIGINT) != 0:
                raise BenchError(f"tcpdump: {capture.last_words()}")
            dropped = re.search(r"(\d+) packets? dropped by kernel", capture.last_words())
            if not dropped or int(dropped[1]):
                raise BenchError(f"the referee lost packets of its own: {capture.last_words(3)}")
        result = exchanges(*self.files[:2])
        for file in self.files:
            file.unlink()
        return result

    def __exit__(self, *_):
        for capture in self.captures:
            capture.stop(signal.SIGINT)
