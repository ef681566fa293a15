#!/usr/bin/env bash
# Somebody else's reflector that ignores packets of other than 44 octets, hence our questions who it is: the peer is
# measured all the same, costs a probe now and then, and no path is blamed for that.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes
reflector_start b exact-length
canary_start a --node.name=node-a --peers.static=198.18.0.2 --probe.interval=100ms
sleep 25
file=$(scrape a)
assert_at_least "$(metric "$file" kube_canary_rtt_seconds_count)" 200 "RTTs"
assert_between "$(metric "$file" kube_canary_probes_lost_total)" 1 2 "questions that were not answered, hence lost"
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped"
assert_eq "$(metric "$file" kube_canary_peers 'state="unnamed"')" 1 "unnamed"
assert_invariant "$file"
! grep -q 'one path of several' "$SCRATCH/canary-a.log" || fail "a path is blamed for what the reflector does"
note "lost $(metric "$file" kube_canary_probes_lost_total) of $(metric "$file" kube_canary_probes_sent_total)"
canary_stop a
reflector_stop
