#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A STAMP session-sender by scapy's contrib.stamp: sends to a reflector that is under test, and checks what comes back
against RFC 8762 and RFC 8972. Prints one line; status 1 if anything is not as it must be.

  sender.py ADDRESS ntp|ptp none|unknown|padding|several COUNT
"""
import socket
import sys
import time

from scapy.contrib.stamp import (ErrorEstimate, STAMPSessionReflectorTestUnauthenticated,
                                 STAMPSessionSenderTestUnauthenticated, STAMPTestTLV)
from scapy.layers.inet import UDP

EPOCH = 2208988800
UNRECOGNIZED, MALFORMED = 0x80, 0x40

TLVS = {
    "none": [],
    "unknown": [(200, b"whatever")],
    "padding": [(1, bytes(100))],
    "several": [(1, bytes(6)), (200, b""), (7, b"\x01\x02\x03\x04"), (1, b"\xff" * 3)],
}


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"FAILED: {what}: expected {wanted!r}, found {found!r}")


def request(sequence, ptp, tlvs):
    now = time.time()
    # This scapy packs the field as NTP (32.32) whatever Z says: PTPv2's seconds and nanoseconds are given as such.
    stamp = int(now) + int(now % 1 * 1e9) * 2.0**-32 if ptp else now + EPOCH
    packet = STAMPSessionSenderTestUnauthenticated(
        seq=sequence, ts=stamp, err_estimate=ErrorEstimate(S=0, Z=int(ptp), scale=3, multiplier=7), ssid=4711)
    # The sender sets U (RFC 8972 section 4).
    return bytes(packet) + b"".join(
        bytes(STAMPTestTLV(flags=UNRECOGNIZED, type=kind, len=len(value), value=value)) for kind, value in tlvs)


def check(reply, sent, sequence, tlvs, sender_ttl):
    expect("length", len(reply), len(sent))
    # scapy finds the TLVs by the length of the UDP header around them
    packet = STAMPSessionReflectorTestUnauthenticated(reply, _parent=UDP(len=8 + len(reply)))
    expect("reflector's sequence", packet.seq, sequence)
    expect("sender's sequence", packet.seq_sender, 1000 + sequence)
    expect("SSID", packet.ssid, 4711)
    expect("sender's timestamp", reply[28:36], sent[4:12])
    expect("sender's error estimate", reply[36:38], sent[12:14])
    expect("sender's TTL", packet.ttl_sender, sender_ttl)
    expect("zeros", (reply[38:40], reply[41:44]), (bytes(2), bytes(3)))
    expect("format (Z)", packet.err_estimate.Z, 0)
    if packet.err_estimate.multiplier == 0:
        raise SystemExit("FAILED: a multiplier of 0")
    received, transmitted = (int.from_bytes(reply[at:at + 8], "big") for at in (16, 4))
    if not received <= transmitted <= received + (1 << 32):
        raise SystemExit(f"FAILED: T2 {received:#x}, T3 {transmitted:#x}")
    if abs((received >> 32) - EPOCH - time.time()) > 5:
        raise SystemExit("FAILED: T2 is not the time of day")
    expect("number of TLVs", len(packet.tlv_objects), len(tlvs))
    for tlv, (kind, value) in zip(packet.tlv_objects, tlvs):
        expect("TLV", (tlv.type, bytes(tlv.value)), (kind, value))
        expect(f"flags of TLV {kind}", int(tlv.flags), 0 if kind == 1 else UNRECOGNIZED)


def main():
    address, ptp, tlvs, count = sys.argv[1], sys.argv[2] == "ptp", TLVS[sys.argv[3]], int(sys.argv[4])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(2)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 77)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)
    for sequence in range(count):
        sent = request(1000 + sequence, ptp, tlvs)
        sock.sendto(sent, (address, 862))
        try:
            reply, origin = sock.recvfrom(65536)
        except TimeoutError:
            raise SystemExit(f"FAILED: no reply to probe {sequence}")
        expect("origin", origin[:2], (address, 862))
        check(reply, sent, sequence, tlvs, 77)
        time.sleep(0.02)
    print(f"{count} probes of {len(sent)} octets, {sys.argv[2]}, TLVs {sys.argv[3]}: all answered as they must be")


main()
