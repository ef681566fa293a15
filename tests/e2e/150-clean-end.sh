#!/usr/bin/env bash
# SIGTERM to the loader ends both processes with status 0 and leaves nothing: no program, no filter, no pin.
source "$(dirname "$0")/lib.sh"
need bpftool

two_nodes
for hook in tcx clsact xdp; do
  canary_start a --peers.static=b=198.18.0.2 --probe.interval=20ms --bpf.hook="$hook"
  eventually 5 at_least 10 a kube_canary_probes_returned_total || fail "$hook: not measured"
  canary=$(canary_pid a)
  canary_stop a
  process_ended "$canary" || fail "$hook: the canary outlives its loader"
  no_tcx_programs a eth0 || fail "$hook: TCX programs left"
  assert_eq "$(in_ns a ip link show dev eth0 | grep -c xdp || true)" 0 "$hook: XDP programs left"
  assert_eq "$(in_ns a tc filter show dev eth0 ingress 2> /dev/null)" "" "$hook: filters left at ingress"
  assert_eq "$(in_ns a tc filter show dev eth0 egress 2> /dev/null)" "" "$hook: filters left at egress"
done

# The canary told to end takes the loader along; neither hangs.
canary_start a --peers.static=b=198.18.0.2
kill -TERM "$(canary_pid a)"
eventually 2 process_ended "${LOADER[a]}" || fail "the loader outlives its canary"
no_tcx_programs a eth0 || fail "TCX programs left"
