#!/usr/bin/env bash
# The canary stands still for ten seconds while 1,000 probes a second to 100 peers are in flight, and more
# replies come than the ring holds: not one is called lost, each that found no room is counted as dropped.
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
for host in {1..100}; do
  echo "address add 198.18.1.$host/32 dev lo" >> "$SCRATCH/addresses"
  echo "198.18.1.$host peer-$host" >> "$SCRATCH/peers"
done
in_ns b ip -batch "$SCRATCH/addresses"
in_ns a ip route add 198.18.1.0/24 via 198.18.0.2
# 1.8 s: 1,800 replies are under way, and a ring of 64 KiB has room for 1,170.
relay_start --delay-us 900000
canary_start a --peers.file="$SCRATCH/peers" --mesh.full-below=100 --probe.interval=100ms --probe.timeout=4s
eventually 30 at_least 2000 a kube_canary_probes_returned_total || fail "no replies"
file=$(scrape a)
assert_at_least "$(metric "$file" kube_canary_probes_in_flight)" 1500 "probes in flight before"

canary=$(canary_pid a)
kill -STOP "$canary"
sleep 10
kill -CONT "$canary"
eventually 10 at_least 1 a kube_canary_samples_dropped_total || sleep 6
sleep 6 # the timeout

file=$(scrape a)
dropped=$(metric "$file" kube_canary_samples_dropped_total)
assert_at_least "$dropped" 200 "dropped samples (the ring was full)"
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "falsely lost"
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 unstamped
assert_eq "$(($(metric "$file" kube_canary_probes_returned_total) - $(metric "$file" kube_canary_rtt_seconds_count)))" \
  "$dropped" "returned without RTT"
assert_invariant "$file"
note "dropped samples $dropped, lost 0 of $(metric "$file" kube_canary_probes_sent_total)"
canary_stop a
relay_stop
