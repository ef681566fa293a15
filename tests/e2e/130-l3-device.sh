#!/usr/bin/env bash
# Peers behind a device without an Ethernet header (a tunnel): measured like any other.
source "$(dirname "$0")/lib.sh"

two_nodes
made=
for kind in ipip gre sit; do
  if in_ns a ip link add tunnel type "$kind" local 198.18.0.1 remote 198.18.0.2 2> /dev/null; then
    in_ns b ip link add tunnel type "$kind" local 198.18.0.2 remote 198.18.0.1
    made=$kind
    break
  fi
done
[ -n "$made" ] || skip "no tunnel devices in this kernel"
for node in a b; do in_ns "$node" ip link set dev tunnel up; done
if [ "$made" = sit ]; then
  address a tunnel fd00:18:5::1/64
  address b tunnel fd00:18:5::2/64
  peer=fd00:18:5::2
else
  address a tunnel 198.18.5.1/24
  address b tunnel 198.18.5.2/24
  peer=198.18.5.2
fi
canary_start a --peers.static=b="$peer" --probe.interval=20ms
eventually 10 at_least 50 a kube_canary_probes_returned_total || fail "not measured over $made"
assert_eq "$(value a kube_canary_probes_unstamped_total)" 0 unstamped
assert_eq "$(value a kube_canary_attached 'interface="tunnel"')" 2 "attached to the tunnel"
canary_stop a
