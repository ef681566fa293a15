#!/usr/bin/env bash
# Ten milliseconds each way: the mean RTT is 20.0 to 20.4 ms, and nothing is lost.
# Alone: a bar of time: see tests/e2e/run.
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
relay_start --delay-us 10000
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=10ms
for peer in v4 v6; do
  eventually 60 at_least 1000 a kube_canary_probes_returned_total "peer=\"$peer\"" || fail "no replies of $peer"
done

file=$(scrape a)
for peer in v4 v6; do
  mean_ms=$(awk -v sum="$(metric "$file" kube_canary_rtt_seconds_sum "peer=\"$peer\"")" \
    -v count="$(metric "$file" kube_canary_rtt_seconds_count "peer=\"$peer\"")" 'BEGIN { printf "%.4f", sum / count * 1000 }')
  assert_between "$mean_ms" 20.0 20.4 "mean RTT of $peer in ms"
  note "mean RTT of $peer: $mean_ms ms over $(metric "$file" kube_canary_rtt_seconds_count "peer=\"$peer\"") probes"
done
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 lost
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
assert_invariant "$file"
canary_stop a
relay_stop
