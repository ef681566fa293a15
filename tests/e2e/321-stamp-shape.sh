#!/usr/bin/env bash
# What a network does to STAMP probes is counted exactly as injected: loss, duplicates, reorderings, late replies, flipped
# bits on the way there and back; a delay is the RTT.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"

begin() { # OPTION… of the relay
  two_nodes_and_relay
  relay_start "$@"
  canary_start b --node.name=node-b --mesh.degree=0 --peers.static=198.18.0.1 --peers.static=fd00:18::1
  canary_start a --peers.static=198.18.0.2 --peers.static=fd00:18::2 --probe.interval=10ms --probe.timeout=200ms
}

finish() { # the scrape that counts is $file
  sleep 1
  file=$(scrape a)
  assert_invariant "$file"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
  canary_stop a
  canary_stop b
}

over() {
  relay_stop
  for name in a b r; do ip netns delete "$PREFIX-$name"; done
}

begin --delay-us 10000
eventually 60 at_least 500 a kube_canary_probes_returned_total || fail "too few probes"
finish
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "delay: lost"
mean=$(awk -v s="$(metric "$file" kube_canary_rtt_seconds_sum)" -v n="$(metric "$file" kube_canary_rtt_seconds_count)" \
  'BEGIN { print 1000 * s / n }')
assert_between "$mean" 20 21 "mean RTT in ms over 10 ms each way"
note "10 ms each way: mean $mean ms"
over

begin --delay-us 1000 --duplicate-percent 10 --reorder-percent 10 --frames 1000
eventually 60 relay_saw 1000 left_replies || fail "too few probes"
finish
assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" "$(relay_count left_replies_duplicated)" duplicates
assert_eq "$(metric "$file" kube_canary_probes_reordered_total)" "$(relay_count left_replies_reordered)" reorderings
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "duplicates and reorderings: lost"
assert_at_least "$(relay_count left_replies_duplicated)" 50 "injected duplicates"
assert_at_least "$(relay_count left_replies_reordered)" 50 "injected reorderings"
note "duplicates $(relay_count left_replies_duplicated), reorderings $(relay_count left_replies_reordered)"
over

begin --delay-us 1000 --late-every 10 --late-us 300000 --frames 1000
eventually 60 relay_saw 1000 left_replies || fail "too few probes"
finish
assert_eq "$(metric "$file" kube_canary_probes_late_total)" "$(relay_count left_replies_late)" late
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" "$(relay_count left_replies_late)" "lost, the late ones"
assert_eq "$(($(metric "$file" kube_canary_probes_lost_forward_total) + $(metric "$file" kube_canary_probes_lost_backward_total)))" \
  0 "direction of what came late"
note "late $(relay_count left_replies_late)"
over

begin --delay-us 1000 --corrupt-percent 10 --corrupt-requests-percent 10 --frames 1000
eventually 60 relay_saw 1000 left_requests || fail "too few probes"
finish
requests=$(relay_count left_requests_corrupted)
replies=$(relay_count left_replies_corrupted)
assert_at_least "$requests" 50 "injected flips on the way there"
assert_at_least "$replies" 50 "injected flips on the way back"
lost=$(metric "$file" kube_canary_probes_lost_total)
forward=$(metric "$file" kube_canary_probes_lost_forward_total)
backward=$(metric "$file" kube_canary_probes_lost_backward_total)
assert_eq "$lost" $((requests + replies)) "lost to flipped bits"
assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" "$replies" "rejected replies"
# What is damaged on the way there is lost there: the reflector neither answers nor counts it.
undetermined=$((lost - forward - backward))
assert_between "$forward" $((requests - undetermined)) "$requests" "forward"
assert_between "$backward" $((replies - undetermined)) "$replies" "backward"
assert_between "$undetermined" 0 $((lost / 10 + 5)) undetermined
note "flipped bits: $requests there, $replies back; lost $lost = forward $forward + backward $backward + undetermined $undetermined"
over
