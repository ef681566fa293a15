#!/usr/bin/env bash
# The same referee for STAMP: probe by probe, our RTT and the residence time that was taken off it are the capture's
# round trip.
# Alone: a bar of time: see tests/e2e/run.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
source "$(dirname "$0")/referee.sh"
PROBES=${PROBES:-1000}

refereed_nodes "${PEERS:-10}"
capture_start 'udp port 862'
canary_start b --peers.static=198.18.0.1 --mesh.degree=0
canary_start a "${REFEREED_PEERS[@]}" --probe.interval=125ms --probe.flows=1 --log.level=debug # below what is reflected to one address in a second
eventually 120 at_least "$PROBES" a kube_canary_probes_returned_total || fail "no replies"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
capture_stop
referee stamp
assert_refereed $((PROBES * 99 / 100)) 5 50
