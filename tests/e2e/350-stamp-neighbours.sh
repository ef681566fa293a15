#!/usr/bin/env bash
# Somebody else's program behind ours sees all other traffic, and not a single octet of it is changed: what is captured
# before the canary's interface and behind it is the same.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"
need tshark

two_nodes
foreign_attach behind tcx ingress -1 eth0 || skip "this kernel has no TCX"
canaries_start --probe.interval=50ms
eventually 20 at_least 40 a kube_canary_probes_returned_total || fail "not measured"
[[ $(tcx_programs a ingress eth0) == "kc_ingress foreign"* ]] || fail "not first: $(tcx_programs a ingress eth0)"

capture() { # NS FILE
  ip netns exec "$PREFIX-$1" tshark -q -i eth0 -w "$2" 2> "$SCRATCH/tshark-$1.log" &
  own_process $!
  CAPTURES+=($!)
  eventually 20 test -s "$2" || fail "tshark captures nothing in $1"
}

received() { in_ns a cat /sys/class/net/eth0/statistics/rx_packets; }

CAPTURES=()
capture a "$SCRATCH/capture-a"
capture b "$SCRATCH/capture-b"
sleep 1
seen_before=$(foreign_count behind)
reflected_before=$(value a kube_canary_reflected_total)
received_before=$(received)

# TCP of some size both ways, UDP to many ports (the reflector's among the sources), ICMP, fragments.
ip netns exec "$PREFIX-a" python3 -m http.server --bind 198.18.0.1 --directory "$TOP/src" 8080 > /dev/null 2>&1 &
own_process $!
eventually 10 in_ns b curl -s -o /dev/null http://198.18.0.1:8080/canary.c || fail "no TCP"
for ((i = 0; i < 20; i++)); do
  in_ns b curl -s -o "$SCRATCH/got" http://198.18.0.1:8080/canary.c
  cmp -s "$SCRATCH/got" "$TOP/src/canary.c" || fail "TCP delivered something else"
done
in_ns b python3 - <<'PYTHON'
import os, socket
for source in (0, 862):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("198.18.0.2", source))
    for port in (53, 861, 863, 4789, 30000, 65535):
        for size in (0, 1, 44, 1400, 4000):
            s.sendto(os.urandom(size), ("198.18.0.1", port))
PYTHON
in_ns b ping -q -c 20 -i 0.05 198.18.0.1 > /dev/null
in_ns b ping -q -c 20 -i 0.05 -s 3000 fd00:18::1 > /dev/null
sleep 1
seen=$(($(foreign_count behind) - seen_before))
reflected=$(($(value a kube_canary_reflected_total) - reflected_before))
arrived=$(($(received) - received_before))
for pid in "${CAPTURES[@]}"; do
  kill -INT "$pid"
  wait "$pid" || true
done

# All that is neither request nor reply of STAMP, octet by octet, in both directions. Both ends see the same wire, so a
# frame that one of them changed on its way through its own programs would differ.
frames() { # FILE ETHER-SOURCE
  tshark -r "$1" -Y "eth.src == $2 && !(udp.port == 862 && udp.length >= 52)" -x 2> /dev/null |
    awk 'NF == 0 { if (frame) print frame; frame = ""; next } { sub(/^[0-9a-f]+  /, ""); frame = frame substr($0, 1, 47) }
         END { if (frame) print frame }' | sort
}
for node in a b; do
  mac=$(in_ns "$node" cat /sys/class/net/eth0/address)
  frames "$SCRATCH/capture-a" "$mac" > "$SCRATCH/frames-a"
  frames "$SCRATCH/capture-b" "$mac" > "$SCRATCH/frames-b"
  assert_at_least "$(wc -l < "$SCRATCH/frames-a")" 50 "unrelated frames from $node"
  # The captures begin and end a moment apart: what both have must be the same, and nearly all of it.
  comm -3 "$SCRATCH/frames-a" "$SCRATCH/frames-b" > "$SCRATCH/different"
  assert_between "$(wc -l < "$SCRATCH/different")" 0 4 "frames from $node that only one end saw: $(head -c 300 "$SCRATCH/different")"
  note "from $node: $(wc -l < "$SCRATCH/frames-a") unrelated frames, the same at both ends"
done

# Everything that came in but the reflected requests went on to the program behind ours.
assert_between "$seen" $((arrived - reflected - 10)) $((arrived - reflected + 10)) \
  "packets that the program behind saw, of $arrived that came and $reflected that were reflected"
note "arrived $arrived, reflected $reflected, seen by the program behind ours $seen"
