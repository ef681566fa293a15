#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A STAMP session-reflector by scapy's contrib.stamp: dissects each request, complains about what is not as RFC 8762 and
RFC 8972 have it, and answers. Ends by SIGTERM, with status 1 if there was anything to complain about.

  reflector.py ADDRESS ntp|ptp bare|tlvs STATISTICS

bare: as a TWAMP-Light reflector that knows no TLVs, whose reply ends after 44 octets; tlvs: copies them, and adds none.
"""
import os
import signal
import socket
import sys
import time

from scapy.contrib.stamp import (ErrorEstimate, STAMPSessionReflectorTestUnauthenticated,
                                 STAMPSessionSenderTestUnauthenticated)
from scapy.layers.inet import UDP

EPOCH = 2208988800
complaints = []
sessions = {}
answered = 0


def stamp(ptp):
    now = time.time_ns()
    seconds, ns = divmod(now, 10**9)
    return seconds << 32 | ns if ptp else (seconds + EPOCH) << 32 | (ns << 32) // 10**9


def examine(data, origin):
    packet = STAMPSessionSenderTestUnauthenticated(data, _parent=UDP(len=8 + len(data)))
    wrong = []
    if len(data) < 44:
        wrong.append("shorter than 44 octets")
    if packet.ssid == 0:
        wrong.append("SSID 0")
    if packet.err_estimate.Z != 0:
        wrong.append("not NTP")
    if packet.err_estimate.multiplier == 0:
        wrong.append("a multiplier of 0")
    if any(data[16:44]):
        wrong.append("MBZ not zero")
    if abs((int.from_bytes(data[4:12], "big") >> 32) - EPOCH - time.time()) > 5:
        wrong.append("timestamp is not the time of day")
    if any(int(tlv.flags) != 0x80 for tlv in packet.tlv_objects):
        wrong.append("TLV flags other than U")
    if sum(4 + len(bytes(tlv.value)) for tlv in packet.tlv_objects) != len(data) - 44:
        wrong.append("TLVs do not fill the packet")
    session = sessions.setdefault(origin[1], {"ssid": packet.ssid, "next": 0})
    if session["ssid"] != packet.ssid:
        wrong.append("another SSID in the same session")
    if packet.seq != session["next"]:
        wrong.append(f"sequence {packet.seq} where {session['next']} was due")
    session["next"] = packet.seq + 1
    complaints.extend(wrong)
    return packet


def answer(packet, data, received, ptp, bare):
    reply = STAMPSessionReflectorTestUnauthenticated(
        seq=packet.seq, err_estimate=ErrorEstimate(S=1, Z=int(ptp), scale=0, multiplier=1), ssid=packet.ssid,
        seq_sender=packet.seq, ttl_sender=255)
    octets = bytearray(bytes(reply)[:44])
    octets[28:36] = data[4:12]
    octets[36:38] = data[12:14]
    octets[16:24] = received.to_bytes(8, "big")
    octets[4:12] = stamp(ptp).to_bytes(8, "big")
    return bytes(octets) if bare else bytes(octets) + data[44:]


def finish(*_):
    ssids = [session["ssid"] for session in sessions.values()]
    if len(set(ssids)) != len(ssids):
        complaints.append("two sessions of one SSID")
    with open(sys.argv[4] + ".new", "w", encoding="ascii") as file:
        file.write(f"answered {answered}\nsessions {len(sessions)}\ncomplaints {len(complaints)}\n")
    os.rename(sys.argv[4] + ".new", sys.argv[4])
    for complaint in sorted(set(complaints))[:10]:
        print("complaint:", complaint, file=sys.stderr)
    raise SystemExit(1 if complaints else 0)


def main():
    global answered
    address, ptp, bare = sys.argv[1], sys.argv[2] == "ptp", sys.argv[3] == "bare"
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 862))
    signal.signal(signal.SIGTERM, finish)
    open(sys.argv[4], "w", encoding="ascii").close()
    while True:
        data, origin = sock.recvfrom(65536)
        received = stamp(ptp)
        packet = examine(data, origin)
        sock.sendto(answer(packet, data, received, ptp, bare), origin)
        answered += 1


main()
