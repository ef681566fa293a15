#!/usr/bin/env bash
# The whole exporter shares 5 % of a CPU with a hog: its p99 RTT stays what it is without the limit, while
# tools that read the clock in user space report their own waiting.
# Bar of time: see tests/e2e/run.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
source "$(dirname "$0")/throttle.sh"
need fping prometheus-smokeping-prober
PEERS=${PEERS:-100}
SECONDS_EACH=${SECONDS_EACH:-10}
RATIO=${RATIO:-1.2}

two_nodes
for ((i = 1; i <= PEERS; i++)); do
  echo "198.18.1.$i"
done > "$SCRATCH/peers"
sed 's|.*|address add &/16 dev eth0|' "$SCRATCH/peers" | in_ns b ip -batch -
in_ns a ip route add 198.18.1.0/24 dev eth0

canary_run() { # NAME: its RTTs into $SCRATCH/NAME
  rm -f "$SCRATCH/canary-a.log"
  [ "$1" = throttled ] && group_enter
  canary_launch a --peers.file="$SCRATCH/peers" --mesh.full-below="$PEERS" --log.level=debug
  [ "$1" = throttled ] && group_leave
  eventually 30 canary_answers a || fail "kube-canary does not start"
  sleep "$SECONDS_EACH"
  # without the first round, in which neighbours are resolved
  rtts_us a | tail -n "+$((PEERS + 1))" > "$SCRATCH/$1"
  local file
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost, $1"
  eventually 5 invariant_holds a || fail "sent is not the sum of the verdicts"
  note "$1: $(wc -l < "$SCRATCH/$1") RTTs, p50 $(quantile 0.5 < "$SCRATCH/$1") us, p99 $(quantile 0.99 < "$SCRATCH/$1") us"
  canary_stop a
}

canary_run idle
group_hog
periods=$(group_stat nr_periods) throttled=$(group_stat nr_throttled)
canary_run throttled
share=$(awk -v p="$(($(group_stat nr_periods) - periods))" -v t="$(($(group_stat nr_throttled) - throttled))" \
  'BEGIN { print p ? t / p : 0 }')
note "the cgroup was throttled in $share of its periods"
assert_at_least "$share" 0.8 "share of throttled periods"

# --- the same for what works from user space
group_enter
ip netns exec "$PREFIX-a" fping -q -C "$((SECONDS_EACH / 2))" -p 1000 -f "$SCRATCH/peers" 2> "$SCRATCH/fping" &
FPING=$!
own_process "$FPING"
group_leave
wait "$FPING" || true
awk '{ for (i = 3; i <= NF; i++) if ($i != "-") print $i * 1000; else missing++ } END { print "missing", missing + 0 > "/dev/stderr" }' \
  "$SCRATCH/fping" > "$SCRATCH/fping-rtts" 2> "$SCRATCH/fping-missing"
note "fping, throttled: p50 $(quantile 0.5 < "$SCRATCH/fping-rtts") us, p99 $(quantile 0.99 < "$SCRATCH/fping-rtts") us," \
  "$(cat "$SCRATCH/fping-missing") of $((PEERS * (SECONDS_EACH / 2)))"
mapfile -t targets < <(head -n 10 "$SCRATCH/peers") # with all of them it does not get to say anything
group_enter
ip netns exec "$PREFIX-a" prometheus-smokeping-prober --privileged "${targets[@]}" > "$SCRATCH/smokeping.log" 2>&1 &
SMOKEPING=$!
own_process "$SMOKEPING"
group_leave
smokeping_answers() { # its own page waits for the CPU as well
  in_ns a curl -s --max-time 30 http://127.0.0.1:9374/metrics > "$SCRATCH/smokeping" &&
    awk '/^smokeping_response_duration_seconds_count/ { n += $NF } END { exit !(n >= 50) }' "$SCRATCH/smokeping"
}
eventually 15 smokeping_answers || true
kill "$SMOKEPING"
note "smokeping_prober, throttled: $(awk -F'[ "]' '
  /^smokeping_response_duration_seconds_bucket/ { match($0, /le="[^"]*"/); le = substr($0, RSTART + 4, RLENGTH - 5); n[le] += $NF }
  END { total = n["+Inf"]; for (le in n) if (le != "+Inf" && n[le] >= total * 0.99 && (best == "" || le + 0 < best + 0)) best = le
        print total + 0, "RTTs, p99 at most", (best == "" ? "beyond the last bucket" : best * 1000000 " us") }' "$SCRATCH/smokeping")"

assert_between "$(awk -v a="$(quantile 0.99 < "$SCRATCH/throttled")" -v b="$(quantile 0.99 < "$SCRATCH/idle")" 'BEGIN { print a / b }')" \
  0 "$RATIO" "p99 throttled over p99 idle"
