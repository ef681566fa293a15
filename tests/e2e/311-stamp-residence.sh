#!/usr/bin/env bash
# A reflector that keeps each probe for 5 ms between T2 and T3, and stamps truly, changes the RTT by less than 50 us; in
# both formats of time.
# Alone: a bar of time: see tests/e2e/run.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
PROBES=${PROBES:-250}

measure() { # OPTION… of the reflector
  reflector_start b "$@"
  : > "$SCRATCH/canary-a.log"
  canary_start a --peers.static=198.18.0.2 --probe.interval=15ms --log.level=debug
  eventually 60 at_least "$PROBES" a kube_canary_probes_returned_total || fail "$*: too few replies"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$*: lost"
  assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 "$*: rejected"
  canary_stop a
  reflector_stop
  MEDIAN=$(rtts_us a | quantile 0.5)
  : > "$SCRATCH/canary-a.log"
}

two_nodes
for format in ntp ptp; do
  measure format $format
  without=$MEDIAN
  measure format $format delay-us 5000
  with=$MEDIAN
  difference=$(awk -v a="$with" -v b="$without" 'BEGIN { d = a - b; print d < 0 ? -d : d }')
  note "$format: median RTT $without us, with 5 ms of residence $with us"
  assert_between "$difference" 0 50 "difference by 5 ms of residence, $format, in us"
done
