#!/usr/bin/env bash
# The relay drops one of four flows: exactly its probes are lost, and the flow is named by its ports, once.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
relay_start --delay-us 200 --drop-flow 3
canary_start b --node.name=node-b --mesh.degree=0 --peers.static=198.18.0.1
canary_start a --peers.static=198.18.0.2 --probe.interval=10ms --probe.timeout=200ms
eventually 30 at_least 800 a kube_canary_probes_sent_total || fail "too few probes"
file=$(scrape a)
lost=$(metric "$file" kube_canary_probes_lost_total)
assert_between "$lost" 150 250 "lost of 800 probes over four flows"
in_flight=$(($(relay_count left_requests_lost) - lost))
assert_between "$in_flight" 0 20 "dropped, but not judged yet"
assert_invariant "$file"
canary_stop a
sleep 0.2
assert_eq "$(relay_count left_replies)" "$(relay_count left_requests_passed)" "replies of the other flows"
port=$(relay_count dropped_port)
assert_eq "$(grep -c 'path.*source_port=' "$SCRATCH/canary-a.log")" 1 "lines about a lossy flow"
grep 'path.*source_port=' "$SCRATCH/canary-a.log" | grep -q "source_port=$port destination_port=862" ||
  fail "the flow is not named by port $port: $(grep path "$SCRATCH/canary-a.log")"
note "$(grep 'path.*source_port=' "$SCRATCH/canary-a.log" | sed 's/.*msg=//')"
