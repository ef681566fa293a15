#!/usr/bin/env bash
# The peer answers inside its kernel: with its CPUs saturated the RTT stays what it was, while a reflector in user space,
# scheduled like everybody, shows its own waiting.
# Bar of time: see tests/e2e/run.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
need stress-ng
PROBES=${PROBES:-600}

measure() { # NAME: RTTs of so many probes into $SCRATCH/rtt-NAME
  : > "$SCRATCH/canary-a.log"
  canary_start a --peers.static=198.18.0.2 --probe.interval=10ms --probe.flows=1 --log.level=debug
  eventually 60 at_least "$PROBES" a kube_canary_probes_returned_total || fail "$1: too few replies"
  assert_eq "$(value a kube_canary_probes_lost_total)" 0 "$1: lost"
  canary_stop a
  rtts_us a > "$SCRATCH/rtt-$1"
  : > "$SCRATCH/canary-a.log"
}

saturate() {
  ip netns exec "$PREFIX-b" stress-ng --quiet --cpu "$(nproc)" --timeout 60 > /dev/null 2>&1 &
  STRESS=$!
  own_process "$STRESS"
  sleep 1
}

two_nodes
canary_start b --mesh.degree=0 --peers.static=198.18.0.1
measure kernel-idle
saturate
measure kernel-busy
canary_stop b
reflector_start b ordinary
measure user-busy
kill -TERM "$STRESS"
wait "$STRESS" || true
measure user-idle

for name in kernel-idle kernel-busy user-idle user-busy; do
  note "$name: p50 $(quantile 0.5 < "$SCRATCH/rtt-$name") us, p99 $(quantile 0.99 < "$SCRATCH/rtt-$name") us"
done
idle=$(quantile 0.99 < "$SCRATCH/rtt-kernel-idle")
busy=$(quantile 0.99 < "$SCRATCH/rtt-kernel-busy")
ratio=$(awk -v a="$busy" -v b="$idle" 'BEGIN { printf "%.2f", a / b }')
note "p99 saturated over idle: $ratio"
assert_between "$ratio" 0 1.5 "p99 saturated over p99 idle"
