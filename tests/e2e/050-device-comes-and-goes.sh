#!/usr/bin/env bash
# The device is deleted and made anew under another index, or goes down and up: we follow, say so meanwhile,
# and every probe keeps its verdict. On every hook.
source "$(dirname "$0")/lib.sh"

two_nodes
measures() {
  eventually 15 at_least $(($(value a kube_canary_probes_returned_total) + 30)) a kube_canary_probes_returned_total
}
attached() { value a kube_canary_attached 'interface="eth0"'; }

for hook in tcx clsact xdp; do
  canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=20ms --probe.timeout=100ms \
    --bpf.hook="$hook"
  measures || fail "$hook: not measured at first"
  in_ns a ip link delete eth0
  sleep 1.5
  assert_eq "$(attached)" 0 "$hook: attached while the device is gone"
  assert_invariant "$(scrape a)"
  wire a eth0 b eth0
  address a eth0 198.18.0.1/24 fd00:18::1/64
  address b eth0 198.18.0.2/24 fd00:18::2/64
  measures || fail "$hook: not measured after the device came back"
  eventually 5 equals 2 a kube_canary_attached 'interface="eth0"' || fail "$hook: attached says $(attached)"
  in_ns a ip link set dev eth0 down
  sleep 1
  in_ns a ip link set dev eth0 up
  address a eth0 fd00:18::1/64
  measures || fail "$hook: not measured after down and up"
  assert_invariant "$(scrape a)"
  canary_stop a
done
