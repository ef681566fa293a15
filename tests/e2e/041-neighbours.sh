#!/usr/bin/env bash
# Foreign programs on the same hooks, there before ours and come after: all are still there and counting when
# we are gone. We measure where that is possible, and say that we don't where it is not.
source "$(dirname "$0")/lib.sh"
need bpftool

two_nodes
pass=-1 # TC_ACT_UNSPEC, TCX_NEXT
in_ns a tc qdisc add dev eth0 clsact

start() { canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --probe.timeout=100ms --bpf.hook="$1"; }
measures() { # fifty replies more
  eventually 10 at_least $(($(value a kube_canary_probes_returned_total) + 50)) a kube_canary_probes_returned_total
}
attached() { value a kube_canary_attached "direction=\"$1\""; }
counting() { # ID…: each sees packets
  local id before
  for id in "$@"; do
    process_ended "${FOREIGN[$id]}" && fail "foreign $id is gone"
    before=$(foreign_count "$id")
    in_ns a ping -qc 5 -i 0.01 198.18.0.2 > /dev/null || fail "the network broke beside $id"
    assert_at_least "$(foreign_count "$id")" $((before + 5)) "packets seen by $id"
  done
}
# What we say is true: either replies are measured, or a direction is called detached.
truthful() { # WHAT
  local returned
  returned=$(value a kube_canary_probes_returned_total)
  sleep 2
  if [ "$(value a kube_canary_probes_returned_total)" -gt "$((returned + 50))" ]; then
    assert_eq "$(attached ingress)$(attached egress)" 11 "$1: measured, attached"
    note "$1: still measured"
  else
    [ "$(attached ingress)$(attached egress)" != 11 ] || fail "$1: nothing is measured, and called attached"
    note "$1: not measured, and said so"
  fi
}
remove() { # ID…
  local id
  for id in "$@"; do
    kill -TERM "${FOREIGN[$id]}"
    eventually 3 process_ended "${FOREIGN[$id]}"
  done
}

# TCX beside TCX on both sides of us, a usual filter behind, XDP before.
foreign_attach old-in tcx ingress $pass eth0 || fail "no TCX"
foreign_attach old-out tcx egress $pass eth0
foreign_attach filter tc ingress 0 eth0
foreign_attach driver xdp ingress 2 eth0
start tcx
foreign_attach new-in tcx ingress $pass eth0 first
foreign_attach new-out tcx egress $pass eth0
measures || fail "tcx: not measured beside others"
counting old-in old-out filter driver new-in new-out
assert_eq "$(tcx_programs a ingress eth0)" "foreign kc_ingress foreign" "order at TCX ingress"
assert_eq "$(value a kube_canary_probes_unstamped_total)" 0 unstamped
# One that ends the chain before us.
foreign_attach hog tcx ingress 0 eth0 first
truthful "a terminal TCX program before our ingress"
remove hog
eventually 10 measures || fail "tcx: not measured after the terminal program left"
foreign_attach hog tcx egress 0 eth0 first
truthful "a terminal TCX program before our egress"
remove hog
eventually 10 measures || fail "tcx: not measured after the terminal program left egress"
canary_stop a
assert_eq "$(tcx_programs a ingress eth0)" "foreign foreign" "TCX programs after us"
counting old-in old-out filter driver new-in new-out
remove old-in old-out driver new-in new-out
in_ns a tc filter del dev eth0 ingress

# clsact: the usual neighbour has priority 1, handle 1 and returns OK.
foreign_attach usual-in tc ingress 0 eth0 || fail "no filter"
foreign_attach usual-out tc egress 0 eth0
start clsact
measures || fail "clsact: not measured beside the usual filter"
counting usual-in usual-out
canary_stop a
counting usual-in usual-out
assert_eq "$(in_ns a tc filter show dev eth0 ingress | grep -c 'handle 0x1 foreign')" 1 "the neighbour's filter"
in_ns a tc filter del dev eth0 ingress
in_ns a tc filter del dev eth0 egress
start clsact
measures || fail "clsact: not measured alone"
foreign_attach usual-in tc ingress 0 eth0 || fail "no room for the usual filter beside ours"
foreign_attach usual-out tc egress 0 eth0
truthful "the usual filter after ours"
counting usual-in usual-out
canary_stop a
counting usual-in usual-out
assert_eq "$(in_ns a tc filter show dev eth0 ingress | grep -c 'handle 0x1 foreign')" 1 "the neighbour's filter"
in_ns a tc filter del dev eth0 ingress
in_ns a tc filter del dev eth0 egress

# XDP has room for one: theirs stays.
foreign_attach driver xdp ingress 2 eth0 || fail "no XDP"
start xdp
truthful "a foreign XDP program there before"
counting driver
canary_stop a
counting driver
remove driver
start xdp
measures || fail "xdp: not measured alone"
! foreign_attach driver xdp ingress 2 eth0 || fail "a foreign XDP program took our place"
measures || fail "xdp: not measured after a foreign attempt"
canary_stop a
foreign_attach driver xdp ingress 2 eth0 || fail "XDP is still taken after us"
