#!/usr/bin/env bash
# A fifth of the probes is lost on the way there, or on the way back, or a tenth both ways: forward and backward are
# what the relay took, as soon as the probes behind a loss are answered.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"

FRAMES=${FRAMES:-1000}

run() { # NAME OPTION…: both canaries probe; only a's probes are looked at, b's are the relay's "right"
  local file lost forward backward
  two_nodes_and_relay
  relay_start --delay-us 1000 --frames "$FRAMES" "${@:2}"
  canary_start b --node.name=node-b --mesh.degree=0 --peers.static=198.18.0.1 --peers.static=fd00:18::1
  canary_start a --node.name=node-a --peers.static=198.18.0.2 --peers.static=fd00:18::2 \
    --probe.interval=10ms --probe.timeout=200ms
  eventually 60 relay_saw $((FRAMES + 100)) left_replies || fail "too few probes"
  sleep 1 # every loss is judged, and the probes behind it are answered
  file=$(scrape a)
  lost=$(metric "$file" kube_canary_probes_lost_total)
  forward=$(metric "$file" kube_canary_probes_lost_forward_total)
  backward=$(metric "$file" kube_canary_probes_lost_backward_total)
  assert_eq "$lost" $(($(relay_count left_requests_lost) + $(relay_count left_replies_lost))) "$1: lost"
  assert_invariant "$file"
  # What was lost before the first answer of a flow, or before the identity was known, has no direction.
  undetermined=$((lost - forward - backward))
  assert_between "$undetermined" 0 $((lost / 20 + 3)) "$1: undetermined"
  assert_between "$forward" $(($(relay_count left_requests_lost) - undetermined)) "$(relay_count left_requests_lost)" \
    "$1: forward"
  assert_between "$backward" $(($(relay_count left_replies_lost) - undetermined)) "$(relay_count left_replies_lost)" \
    "$1: backward"
  note "$1: lost $lost = forward $forward + backward $backward + undetermined $undetermined," \
    "relay $(relay_count left_requests_lost) + $(relay_count left_replies_lost)"
  canary_stop a
  canary_stop b
  relay_stop
  for name in a b r; do ip netns delete "$PREFIX-$name"; done
}

run "on the way there" --loss-forward 20
run "on the way back" --loss-backward 20
run "both ways" --loss-forward 10 --loss-backward 10

# A reflector without a count of its own: no direction is claimed.
two_nodes_and_relay
relay_start --delay-us 1000 --loss-forward 20 --frames 300
reflector_start b stateless
canary_start a --peers.static=198.18.0.2 --probe.interval=10ms --probe.timeout=200ms
eventually 60 relay_saw 300 left_replies || fail "too few probes"
sleep 1
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" "$(relay_count left_requests_lost)" "foreign reflector: lost"
assert_eq "$(metric "$file" kube_canary_probes_lost_forward_total)" 0 "foreign reflector: forward"
assert_eq "$(metric "$file" kube_canary_probes_lost_backward_total)" 0 "foreign reflector: backward"
note "foreign reflector: lost $(metric "$file" kube_canary_probes_lost_total), all undetermined"
