#!/usr/bin/env bash
# A fifth of 1,000 probes to each of two peers is lost on the way there or back: lost equals what the relay
# took, exactly, and every probe has its verdict.
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
relay_start --delay-us 1000 --loss-forward 11 --loss-backward 10 --frames 2000
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=10ms --probe.timeout=200ms
eventually 60 relay_saw 2000 left_replies || fail "too few probes"
sleep 0.5 # two timeouts and more

for _ in 1 2 3; do
  file=$(scrape a)
  lost=$(metric "$file" kube_canary_probes_lost_total)
  injected=$(($(relay_count left_requests_lost) + $(relay_count left_replies_lost)))
  assert_eq "$lost" "$injected" "lost, by the relay's count"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
  assert_eq "$(metric "$file" kube_canary_probes_late_total)" 0 late
  assert_invariant "$file"
  sleep 0.3
done
assert_between "$lost" 300 600 "lost of some 2,000"
note "lost $lost, injected $injected, sent $(metric "$file" kube_canary_probes_sent_total)"
canary_stop a
relay_stop
