#!/usr/bin/env bash
# A capture on the very veth is the referee: probe by probe, our RTT is the capture's, within the few
# microseconds that lie between tc and the tap.
# Alone: a bar of time: see tests/e2e/run.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
source "$(dirname "$0")/referee.sh"
PROBES=${PROBES:-1000}

refereed_nodes "${PEERS:-10}"
capture_start icmp
canary_start a "${REFEREED_PEERS[@]}" --probe.interval=50ms --log.level=debug
eventually 120 at_least "$PROBES" a kube_canary_probes_returned_total || fail "no replies"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
capture_stop
referee icmp
assert_refereed $((PROBES * 99 / 100)) 5 50
