#!/usr/bin/env bash
# Duplicates, reorderings and late replies are counted exactly as injected, and cost no verdict.
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
relay_start --delay-us 1000 --duplicate-percent 10 --reorder-percent 10 --frames 1000
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=10ms --probe.timeout=200ms
eventually 60 relay_saw 1000 left_replies || fail "too few probes"
sleep 0.5
file=$(scrape a)
duplicated=$(relay_count left_replies_duplicated)
reordered=$(relay_count left_replies_reordered)
assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" "$duplicated" duplicates
assert_eq "$(metric "$file" kube_canary_probes_reordered_total)" "$reordered" reorderings
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 lost
assert_eq "$(metric "$file" kube_canary_probes_late_total)" 0 late
assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 rejected
assert_invariant "$file"
assert_at_least "$duplicated" 50 "injected duplicates"
assert_at_least "$reordered" 50 "injected reorderings"
note "duplicates $duplicated, reorderings $reordered"
canary_stop a
relay_stop

# Late: after the timeout of 200 ms, within one more.
relay_start --delay-us 1000 --late-every 10 --late-us 300000 --frames 1000
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=10ms --probe.timeout=200ms
eventually 60 relay_saw 1000 left_replies || fail "too few probes"
sleep 1
file=$(scrape a)
late=$(relay_count left_replies_late)
assert_eq "$late" 100 "injected late replies"
assert_eq "$(metric "$file" kube_canary_probes_late_total)" "$late" late
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" "$late" "lost, the late ones"
assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" 0 duplicates
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
assert_invariant "$file"
note "late $late"
canary_stop a
relay_stop
