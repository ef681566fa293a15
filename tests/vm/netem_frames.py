# SPDX-License-Identifier: Apache-2.0
"""Reads what tcpdump wrote, and what a frame says of a probe, by the RFCs alone. Knows neither netem nor the exporter."""
import struct
from collections import namedtuple

PCAP_NANOSECONDS = 0xA1B23C4D
STAMP_PORT = 862
STAMP_BYTES = 44
ECHO_BYTES_MAX = 8 + 9168  # of the largest --probe.size: a longer one is nobody's who probes
UDP, ICMP, ICMPV6 = 17, 1, 58
ECHO_REQUESTS, ECHO_REPLIES = {ICMP: 8, ICMPV6: 128}, {ICMP: 0, ICMPV6: 129}

Frame = namedtuple("Frame", "time octets")
Packet = namedtuple("Packet", "version source destination protocol start length head ttl")
Probe = namedtuple("Probe", "peer kind flow sequence")


def frames_read(path):
    """Every frame of the file, whole, in order."""
    with open(path, "rb") as file:
        content = file.read()
    magic = struct.unpack_from("<I", content)[0]
    if magic != PCAP_NANOSECONDS:
        raise ValueError(f"{path}: magic {magic:#x}, expected nanoseconds")
    frames, at = [], 24
    while at < len(content):
        seconds, nanoseconds, kept, whole = struct.unpack_from("<IIII", content, at)
        if kept != whole:
            raise ValueError(f"{path}: a frame of {whole} octets of which {kept} are kept")
        frames.append(Frame(seconds + nanoseconds * 1e-9, content[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return frames


def sum_of(octets):
    """RFC 1071; 0xffff where it holds."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def packet_parse(octets):
    """What the IP header says, or None: neither, malformed, or a fragment."""
    ethertype = octets[12:14]
    if ethertype == b"\x08\x00":
        head = octets[14:34]
        length, fragment = struct.unpack_from(">H2xH", head, 2)
        header = (head[0] & 15) * 4
        if head[0] >> 4 != 4 or header < 20 or length < header or fragment & 0x3FFF:
            return None
        return Packet(4, head[12:16], head[16:20], head[9], 14 + header, length - header, head, head[8])
    if ethertype == b"\x86\xdd":
        head = octets[14:54]
        if head[0] >> 4 != 6:
            return None
        length = struct.unpack_from(">H", head, 4)[0]
        return Packet(6, head[8:24], head[24:40], head[6], 54, length, head, head[7])
    return None


def sum_holds(octets, packet, length):
    """Of the ICMP message or UDP datagram of that length; false also where it is not all there."""
    message = octets[packet.start : packet.start + length]
    if len(message) < length:
        return False
    pseudo = b""
    if packet.protocol != ICMP:
        pseudo = packet.source + packet.destination + struct.pack(">II", length, packet.protocol)
    return sum_of(pseudo + message) == 0xFFFF


def message_parse(octets, is_reply):
    """(probe, nonce, length that is summed, packet) of a probe or a reply to one, by form alone; or None, or "truncated"."""
    packet = packet_parse(octets)
    if packet is None:
        return None
    message = octets[packet.start : packet.start + packet.length]
    peer = packet.source if is_reply else packet.destination
    if packet.protocol == UDP and len(message) >= 8:
        source, destination, length = struct.unpack_from(">HHH", message)
        if (source if is_reply else destination) != STAMP_PORT:
            return None
        flow = destination if is_reply else source
        if length < 8 + STAMP_BYTES or length > packet.length or len(message) < 8 + STAMP_BYTES:
            return "truncated", peer, flow
        sequence, nonce = struct.unpack_from(">I8s", message, 8 + (24 if is_reply else 0))
        return Probe(peer, "stamp", flow, sequence), nonce, length, packet
    if packet.protocol == (ICMP if packet.version == 4 else ICMPV6) and len(message) >= 8:
        kinds = ECHO_REPLIES if is_reply else ECHO_REQUESTS
        kind, flow, sequence = struct.unpack_from(">B3xHH", message)
        if kind != kinds[packet.protocol] or packet.length > ECHO_BYTES_MAX:
            return None
        if len(message) < 16:
            return "truncated", peer, flow
        return Probe(peer, "icmp", flow, sequence), message[8:16], packet.length, packet
    return None


def request_answered(octets, mac):
    """Whether a STAMP reflector whose link address is that may answer: whole, and sent to it by one host."""
    found = message_parse(octets, is_reply=False)
    if not found or found[0] == "truncated" or found[0].kind != "stamp":
        return False
    _, _, length, packet = found
    if octets[:6] != mac or octets[6] & 1 or packet.ttl == 0 or packet.start + packet.length > len(octets):
        return False
    if packet.version == 4 and (packet.start != 34 or sum_of(packet.head) != 0xFFFF):
        return False
    return sum_holds(octets, packet, length)
