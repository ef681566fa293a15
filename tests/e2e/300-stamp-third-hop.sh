#!/usr/bin/env bash
# Two canaries probe each other by STAMP across a router, with checksums computed in software and left to the
# device, over IPv4 and IPv6: 10,000 probes, none lost, no kernel on the way counts a checksum error, and tshark
# finds nothing wrong with a packet.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"
need tshark
PROBES=${PROBES:-10000}

two_sides() { # what follows "wire" in the tests with one wire only
  namespace a
  namespace b
  namespace r
  wire a eth0 r left
  wire b eth0 r right
  address a eth0 198.18.0.1/24 fd00:18::1/64
  address r left 198.18.0.254/24 fd00:18::fe/64
  address r right 198.18.1.254/24 fd00:19::fe/64
  address b eth0 198.18.1.1/24 fd00:19::1/64
  in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  in_ns a ip route add default via 198.18.0.254
  in_ns a ip -6 route add default via fd00:18::fe
  in_ns b ip route add default via 198.18.1.254
  in_ns b ip -6 route add default via fd00:19::fe
}

checksum_errors() { # of all kernels on the way
  local node
  for node in a r b; do
    in_ns "$node" cat /proc/net/snmp | awk '/^(Ip|Udp|Icmp):/ {
      if (!($1 in header)) { header[$1] = $0; next }
      split(header[$1], names); for (i = 2; i <= NF; i++) if (names[i] ~ /Csum|InHdrErrors/) sum += $i }
      END { print sum + 0 }'
    in_ns "$node" awk '/Csum|Ip6InHdrErrors/ { sum += $2 } END { print sum + 0 }' /proc/net/snmp6
  done | awk '{ sum += $1 } END { print sum }'
}

capture() { # FILE
  ip netns exec "$PREFIX-r" tshark -q -i left -f 'udp port 862' -w "$1" 2> "$SCRATCH/tshark.log" &
  CAPTURE=$!
  own_process "$CAPTURE"
  eventually 20 test -s "$1" || fail "tshark captures nothing"
}

run() { # on|off
  local file node sent=0
  export OFFLOAD=
  [ "$1" = off ] || OFFLOAD=yes
  two_sides
  capture "$SCRATCH/capture-$1"
  canary_start a --node.name=node-a --peers.static=198.18.1.1 --peers.static=fd00:19::1 --probe.interval=12ms
  canary_start b --node.name=node-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 --probe.interval=12ms
  # Until both reflectors stand, the first probes may be refused: both are new to each other.
  for node in a b; do
    eventually 120 at_least $((PROBES / 4)) "$node" kube_canary_probes_returned_total || fail "too few probes in $node"
  done
  for node in a b; do
    file=$(scrape "$node")
    assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost in $node, offload $1"
    assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped in $node, offload $1"
    assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 "rejected in $node, offload $1"
    assert_invariant "$file"
    sent=$((sent + $(metric "$file" kube_canary_probes_sent_total)))
  done
  assert_eq "$(checksum_errors)" 0 "checksum errors of any kernel, offload $1"
  note "offload $1: $sent probes, none lost, no checksum error"
  canary_stop a
  canary_stop b
  kill -INT "$CAPTURE"
  wait "$CAPTURE" || true
}

referee() { # FILE OFFLOAD: every packet is TWAMP test (tshark's name for this format) and nothing is malformed
  local all dissected complaints verify=TRUE
  [ "$2" = off ] || verify=FALSE # those that are left to a device are not right yet
  tshark -r "$1" -d udp.port==862,twamp.test -T fields -E separator=';' -e frame.protocols -e udp.checksum.status \
    -o udp.check_checksum:$verify -e _ws.expert.message > "$SCRATCH/dissected" 2> /dev/null
  all=$(wc -l < "$SCRATCH/dissected")
  dissected=$(grep -c 'twamp' "$SCRATCH/dissected" || true)
  # Ports are random, and a note is made of each between 33434 and 33534: traceroute's.
  complaints=$(awk -F';' '$3 != "" && $3 !~ /^Possible traceroute: hop #[0-9]*, attempt #[0-9]*$/' "$SCRATCH/dissected" | sort | uniq -c | awk 'NR <= 5')
  assert_at_least "$all" $((PROBES / 2)) "packets in the capture"
  assert_eq "$dissected" "$all" "packets that tshark dissects"
  assert_eq "$complaints" "" "complaints of tshark"
  [ "$2" = on ] || assert_eq "$(awk -F';' '$2 != 1' "$SCRATCH/dissected" | wc -l)" 0 "checksums that are not good"
  note "tshark: $all packets, all dissected, no complaint"
}

run off
referee "$SCRATCH/capture-off" off
for name in a b r; do ip netns delete "$PREFIX-$name"; done
run on
referee "$SCRATCH/capture-on" on
