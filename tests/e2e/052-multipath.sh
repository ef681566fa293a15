#!/usr/bin/env bash
# A route with two next hops: we attach to both, and whichever a probe takes, it is stamped.
source "$(dirname "$0")/lib.sh"

two_nodes
wire a eth1 b eth1
address a eth1 198.18.1.1/24 fd00:18:1::1/64
address b eth1 198.18.1.2/24 fd00:18:1::2/64
for host in {1..16}; do
  address b lo "198.18.9.$host/32" "fd00:18:9::$host/128"
  echo "198.18.9.$host v4-$host" >> "$SCRATCH/peers"
  echo "fd00:18:9::$host v6-$host" >> "$SCRATCH/peers"
done
in_ns a ip route add 198.18.9.0/24 nexthop via 198.18.0.2 nexthop via 198.18.1.2
in_ns a ip route add fd00:18:9::/64 nexthop via fd00:18::2 nexthop via fd00:18:1::2
canary_start a --peers.file="$SCRATCH/peers" --probe.interval=100ms --probe.timeout=200ms
eventually 10 at_least 1000 a kube_canary_probes_returned_total || fail "not measured"
for interface in eth0 eth1; do
  assert_eq "$(value a kube_canary_attached "interface=\"$interface\"")" 2 "attached to $interface"
  packets=$(in_ns a cat "/sys/class/net/$interface/statistics/tx_packets")
  assert_at_least "$packets" 100 "packets over $interface"
done
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 lost
assert_invariant "$file"
canary_stop a
