# shellcheck shell=bash
# What canary a is like while somebody in namespace b attacks it: how soon others are served, whether its probes (50 a
# second to one peer) keep their pace, what it costs. Sourced after lib.sh by the tests that attack.

# Into a file: curl empties what it wrote to before it tries again, and gives up where that cannot be emptied, as /dev/null.
siege_status() { # NS CURL-OPTION…
  in_ns "$1" curl -s -o "$SCRATCH/siege-body" -w '%{http_code}' --max-time 10 "${@:2}" || true
}

siege_sent() {
  value a kube_canary_probes_sent_total
}

siege_resident() {
  awk '$1 == "VmRSS:" { print $2 }' "/proc/$(canary_pid a)/status"
}

siege_cpu() { # hundredths of a second
  awk '{ print $14 + $15 }' "/proc/$(canary_pid a)/stat"
}

siege_late() { # wake-ups of the loop that came late by more than so much
  local file
  file=$(scrape a)
  echo $(($(metric "$file" kube_canary_loop_delay_seconds_count) - $(metric "$file" kube_canary_loop_delay_seconds_bucket "le=\"$1\"")))
}

siege_begin() { # what memory documents take is taken
  local path
  for path in /metrics / /api/v1/peers; do
    for _ in 1 2 3 4; do in_ns a curl -sf --compressed -o /dev/null "http://127.0.0.1:10862$path"; done
  done
}

# The command runs in namespace b, for 6 seconds or a little more; what it prints is left in $SCRATCH/attack.
siege() { # KIND COMMAND…
  local kind=$1 before late_before resident_before cpu_before start attack worst=0 taken status took probes expected
  local peak=0 now
  before=$(siege_sent)
  late_before=$(siege_late 0.01)
  resident_before=$(siege_resident)
  cpu_before=$(siege_cpu)
  start=$EPOCHREALTIME
  in_ns b "${@:2}" > "$SCRATCH/attack" 2>&1 &
  attack=$!
  own_process "$attack"
  sleep 0.5
  for _ in 1 2 3 4 5 6 7 8; do
    taken=$(in_ns a curl -sf -o "$SCRATCH/siege-body" -w '%{time_total}' --retry 3 --retry-delay 1 --max-time 10 \
      http://127.0.0.1:10862/metrics) || fail "no scrape while $kind"
    worst=$(awk -v a="$worst" -v b="$taken" 'BEGIN { print (a > b ? a : b) }')
    now=$(siege_resident)
    [ "$now" -le "$peak" ] || peak=$now
    sleep 0.5
  done
  # From where the attack comes it may take a retry.
  status=$(siege_status b --retry 5 --retry-delay 1 http://198.18.0.1:9862/metrics)
  assert_eq "$status" 200 "a scrape from where the attack comes, while $kind"
  wait "$attack" || fail "the attack failed: $(tail -n 1 "$SCRATCH/attack")"
  took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
  probes=$(($(siege_sent) - before))
  awk -v w="$worst" 'BEGIN { exit !(w < 3) }' || fail "a scrape took $worst s while $kind"
  expected=$(awk -v t="$took" 'BEGIN { printf "%d", t * 50 }')
  assert_between "$probes" $((expected * 90 / 100)) $((expected * 110 / 100)) "probes while $kind"
  note "$kind: slowest scrape $worst s, $probes probes where $expected are due," \
    "$(($(siege_late 0.01) - late_before)) late wake-ups, CPU $((($(siege_cpu) - cpu_before) * 10)) ms," \
    "resident $resident_before KiB before, up to $peak during, $(siege_resident) after"
  assert_between "$((peak - resident_before))" -4096 512 "KiB of memory more during $kind"
  # 20 connections at once, 10 KiB each, are kept by the C library; and pages of the program that were not needed before.
  assert_between "$(($(siege_resident) - resident_before))" -4096 320 "KiB of memory more after $kind"
}
