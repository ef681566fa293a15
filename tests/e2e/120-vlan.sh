#!/usr/bin/env bash
# Peers behind a VLAN device: the programs are on that device, whose parent tags in line or in metadata.
source "$(dirname "$0")/lib.sh"

two_nodes
for node in a b; do
  in_ns "$node" ip link add link eth0 name eth0.7 type vlan id 7 2> /dev/null || skip "no VLAN devices in this kernel"
  in_ns "$node" ip link set dev eth0.7 up
done
address a eth0.7 198.18.7.1/24 fd00:18:7::1/64
address b eth0.7 198.18.7.2/24 fd00:18:7::2/64
check() {
  eventually 10 at_least 20 a kube_canary_probes_returned_total 'peer="v4"' || fail "$1: IPv4 is not measured"
  eventually 10 at_least 20 a kube_canary_probes_returned_total 'peer="v6"' || fail "$1: IPv6 is not measured"
  assert_eq "$(value a kube_canary_probes_unstamped_total)" 0 "$1: unstamped"
}
options=(--peers.static=v4=198.18.7.2 --peers.static=v6=fd00:18:7::2 --probe.interval=20ms)
canary_start a "${options[@]}"
check "on the VLAN device"
assert_eq "$(value a kube_canary_attached 'interface="eth0.7"')" 2 "attached to the VLAN device"
canary_stop a

# Told to work on the parent, where frames carry the tag.
for offload in on off; do
  in_ns a ethtool -K eth0 rxvlan "$offload" txvlan "$offload" > /dev/null 2>&1 || true
  in_ns b ethtool -K eth0 rxvlan "$offload" txvlan "$offload" > /dev/null 2>&1 || true
  canary_start a "${options[@]}" --bpf.interfaces=eth0
  check "on the parent with VLAN offload $offload"
  canary_stop a
done
