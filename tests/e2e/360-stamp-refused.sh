#!/usr/bin/env bash
# The peer's canary goes: its kernel answers port unreachable, probes are refused and not lost, which is said once; it
# comes back and is measured again. A forged port unreachable is no refusal.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes
canaries_start --probe.interval=50ms --probe.timeout=200ms
for node in a b; do
  eventually 20 at_least 40 "$node" kube_canary_probes_returned_total || fail "$node does not measure"
done

run() { # how the canary of b ends
  local before
  before=$(value a kube_canary_probes_refused_total)
  eventually 10 at_least $((before + 40)) a kube_canary_probes_refused_total || fail "$1: not refused"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$1: lost"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$1: unstamped"
  assert_eq "$(metric "$file" kube_canary_attached)" 2 "$1: attached"
  assert_invariant "$file"
}

canary_stop b
run "ended by SIGTERM"
# Both families are two peers.
assert_eq "$(grep -c 'port unreachable' "$SCRATCH/canary-a.log")" 2 "lines about a refusal"

returned=$(value a kube_canary_probes_returned_total)
canary_start b --node.name=node-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 --probe.interval=50ms
eventually 10 at_least $((returned + 40)) a kube_canary_probes_returned_total || fail "not measured after a restart"
kill -KILL "${LOADER[b]}"
run "loader killed"
note "refused $(value a kube_canary_probes_refused_total), lost 0 over a clean end, a restart and a kill"

# With the error queue full of somebody's inventions: port unreachables that quote no probe of ours.
returned=$(value a kube_canary_probes_returned_total)
canary_start b --node.name=node-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 --probe.interval=50ms
eventually 10 at_least $((returned + 40)) a kube_canary_probes_returned_total || fail "not measured after a kill"
refused=$(value a kube_canary_probes_refused_total)
in_ns b python3 - <<'PYTHON' || fail "the forger failed"
import os, socket, struct, time
# Listens for probes of a, and sends a port unreachable that quotes it with another timestamp, or without payload.
listen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # all: before the reflector takes it away
listen.bind(("eth0", 0))
send = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
forged, end = 0, time.time() + 5
while forged < 100 and time.time() < end:
    frame = listen.recv(2048)
    ip = frame[14:]
    if frame[12:14] != b"\x08\x00" or ip[9] != 17 or ip[12:16] != bytes([198, 18, 0, 1]) or ip[22:24] != struct.pack("!H", 862):
        continue
    quote = bytearray(ip)
    if forged % 2:
        quote[32:40] = os.urandom(8)
    else:
        quote = quote[:28]
    message = struct.pack("!BBHI", 3, 3, 0, 0) + bytes(quote)
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    send.sendto(message, ("198.18.0.1", 0))
    forged += 1
raise SystemExit(forged < 20)
PYTHON
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_refused_total)" "$refused" "forged refusals believed"
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost to forged refusals"
assert_eq "$(metric "$file" kube_canary_send_errors_total)" 0 "send errors by forged refusals"
canary_stop a
