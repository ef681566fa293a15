#!/usr/bin/env bash
# Names travel in-band: peers known by their addresses alone are exported by name and zone, one series per peer at any
# time; two that claim one name, and one that claims ours, keep their addresses.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

namespace net
in_ns net ip link add bridge type bridge
in_ns net ip link set bridge up
host=1
for node in a b c d; do
  namespace "$node"
  wire "$node" eth0 net "$node"
  in_ns net ip link set dev "$node" master bridge
  address "$node" eth0 "198.18.0.$host/24"
  host=$((host + 1))
done
peers=(--peers.static=198.18.0.1 --peers.static=198.18.0.2 --peers.static=198.18.0.3 --peers.static=198.18.0.4)
canary_start b --node.name=node-b --node.zone=zone-b "${peers[@]}" --probe.interval=100ms
canary_start a --node.name=node-a --node.zone=zone-a "${peers[@]}" --probe.interval=100ms
series() { # NS LABEL: how many of each metric
  grep -c "^kube_canary_probes_sent_total{peer=\"$2\"}" "$(scrape "$1")" || true
}
is_named() { [ "$(series a "$1")" = 1 ]; }
eventually 10 is_named node-b || fail "b is not named: $(grep probes_sent "$(scrape a)")"
assert_eq "$(series a 198.18.0.2)" 0 "series by b's address beside its name"
assert_eq "$(value a kube_canary_peer_info 'peer="node-b"' 'address="198.18.0.2"' 'peer_zone="zone-b"' 'probe="stamp"')" 1 "peer_info"
assert_eq "$(value a kube_canary_peers 'state="unnamed"')" 2 "unnamed: c and d are not there yet"

# c claims b's name, d claims a's own.
canary_start c --node.name=node-b "${peers[@]}" --probe.interval=100ms
canary_start d --node.name=node-a "${peers[@]}" --probe.interval=100ms
eventually 20 at_least 2 a kube_canary_identities_refused_total 'reason="taken"' || fail "claims are not counted"
file=$(scrape a)
assert_eq "$(series a node-b)" 1 "series by the name that two claim"
assert_eq "$(series a node-a)" 0 "series by our own name"
assert_eq "$(series a 198.18.0.3)" 1 "series of the one that came second"
assert_eq "$(series a 198.18.0.4)" 1 "series of the one that claims to be us"
assert_eq "$(metric "$file" kube_canary_peer_info 'peer="node-b"' 'address="198.18.0.2"')" 1 "the first one keeps it"
assert_invariant "$file"
for node in a b c d; do
  [ "$node" = a ] || canary_stop "$node"
done
note "$(grep -h 'name' "$SCRATCH/canary-a.log" | sed 's/.*msg=//' | head -n 3 | tr '\n' ';')"
canary_stop a
