#!/usr/bin/env bash
# kill -9 of loader or canary at any moment, KC_KILLS times per hook: the other ends within a second. TCX and
# XDP leave nothing; a clsact filter may stay, the next start takes it away, and nothing else.
source "$(dirname "$0")/lib.sh"
need bpftool

two_nodes
kills=${KC_KILLS:-6}
RANDOM=$SEED

# Starts without waiting: the moment of the kill may be before anything is attached.
kill_once() { # HOOK N
  local loader canary victim other
  canary_launch a --peers.static=b=198.18.0.2 --probe.interval=10ms --bpf.hook="$1"
  loader=${LOADER[a]}
  if [ $(($2 % 3)) -eq 0 ]; then
    sleep "0.$((RANDOM % 900 + 100))"
  else
    eventually 5 canary_answers a || fail "kube-canary does not start with $1"
    sleep "0.0$((RANDOM % 90 + 10))"
  fi
  canary=$(child_of "$loader" || true)
  victim=$loader other=$canary
  if [ $(($2 % 2)) -eq 0 ] && [ -n "$canary" ]; then victim=$canary other=$loader; fi
  kill -KILL "$victim"
  [ -z "$other" ] || eventually 1 process_ended "$other" || fail "$1: process $other outlives the other by a second"
  wait "$loader" 2> /dev/null || true
}

nothing_of_ours() {
  local link
  no_tcx_programs a eth0 && link=$(in_ns a ip link show dev eth0) && [[ $link != *xdp* ]]
}

filters() { in_ns a tc filter show dev eth0 "$1" 2> /dev/null | grep -o 'name [a-z_0-9]*' || true; }

for hook in tcx xdp; do
  for ((n = 1; n <= kills; n++)); do
    kill_once "$hook" "$n"
    # The kernel closes links when the last descriptor goes, which is not before the process is reaped.
    eventually 1 nothing_of_ours || fail "$hook: left behind: $(tcx_programs a ingress eth0) $(tcx_programs a egress eth0)"
  done
  note "$hook: $kills kills, nothing left"
done

# A neighbour's filter is there all the time.
in_ns a tc qdisc add dev eth0 clsact
foreign_attach neighbour tc ingress -1 eth0 || fail "no foreign filter"
for ((n = 1; n <= kills; n++)); do
  kill_once clsact "$n"
  [ "$(filters ingress | grep -c kc_ || true)" -le 1 ] || fail "clsact: filters pile up: $(filters ingress)"
  [ "$(filters egress | grep -c kc_ || true)" -le 1 ] || fail "clsact: filters pile up: $(filters egress)"
  [ "$(filters ingress | grep -c foreign || true)" -eq 1 ] || fail "clsact: the neighbour's filter is gone"
done
canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --bpf.hook=clsact
eventually 5 at_least 20 a kube_canary_probes_returned_total || fail "no replies after the kills"
assert_eq "$(value a kube_canary_probes_unstamped_total)" 0 "unstamped after the kills"
canary_stop a
assert_eq "$(filters ingress | grep -c kc_ || true)$(filters egress | grep -c kc_ || true)" 00 "filters of ours after a clean end"
before=$(foreign_count neighbour)
in_ns a ping -qc 3 -i 0.01 198.18.0.2 > /dev/null
assert_at_least "$(foreign_count neighbour)" $((before + 3)) "packets seen by the neighbour"
note "clsact: $kills kills, at most one filter left, the next start removed it, the neighbour stayed"
