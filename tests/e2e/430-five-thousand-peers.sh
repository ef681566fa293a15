#!/usr/bin/env bash
# 5,000 peers in one file: with the default ring, and all of them probed. What it costs, how long the first full round
# takes, whether each has its turn; and that a file in which one line is another disturbs nobody.
# The peers are one process behind one next hop that answers at all their addresses: everywhere.c.
# Alone: a bar of time: turns that are missed are missed.
# shellcheck disable=SC2034 # for lib.sh
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
need bpftool jq

count=5000
window=6 # seconds
two_nodes
in_ns b ip route add local 10.64.0.0/18 dev lo
in_ns a ip route add 10.64.0.0/18 via 198.18.0.2
peers=$SCRATCH/peers
mkdir "$peers"

peers_write() { # COUNT: into a new file, that then takes the place of the old one
  awk -v count="$1" 'BEGIN { for (i = 0; i < count; i++) printf "10.64.%d.%d peer-%d\n", i / 250, 1 + i % 250, i }' \
    > "$peers/new"
}

peers_swap() {
  mv "$peers/new" "$peers/file"
}

everywhere_count() { # NAME
  tool_count "$EVERYWHERE" "$SCRATCH/everywhere" "$1"
}

everywhere_asked() { # NUMBER: a question for eventually
  [ "$(everywhere_count addresses)" -ge "$1" ]
}

everywhere_start() {
  rm -f "$SCRATCH/everywhere"
  ip netns exec "$PREFIX-b" "$TOOLS/everywhere" "$SCRATCH/everywhere" 2>> "$SCRATCH/everywhere.log" &
  EVERYWHERE=$!
  own_process "$EVERYWHERE"
  eventually 5 test -e "$SCRATCH/everywhere" || fail "the reflector does not start"
}

everywhere_stop() {
  kill -TERM "$EVERYWHERE"
  wait "$EVERYWHERE" || fail "the reflector failed"
}

# Bytes of both processes that are theirs alone (what is mapped from files is shared with whoever runs them), and of all
# maps.
memory() {
  local child programs program
  child=$(canary_pid a)
  awk '$1 == "Pss_Anon:" { sum += $2 * 1024 } END { printf "%d ", sum }' "/proc/${LOADER[a]}/smaps_rollup" \
    "/proc/$child/smaps_rollup"
  programs=$(cat "/proc/${LOADER[a]}/fdinfo"/* 2> /dev/null | awk '$1 == "prog_id:" && !seen[$2]++ { print $2 }')
  for program in $programs; do
    bpftool -j prog show id "$program" | jq '.map_ids[]'
  done | sort -u | while read -r map; do
    bpftool -j map show id "$map" | jq '.bytes_memlock'
  done | awk '{ sum += $1 } END { print sum + 0 }'
}

cpu() { # seconds
  awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum / hertz }' \
    "/proc/${LOADER[a]}/stat" "/proc/$(canary_pid a)/stat"
}

# Scrapes, waits, scrapes: into `before` and `after`. Between what they say lie at least $least seconds and at most $most;
# $share % of a CPU were used between them.
measure() { # SECONDS COMMAND…, run right after the first scrape
  local begin=$EPOCHREALTIME first second used
  cp "$(scrape a)" "$SCRATCH/before"
  first=$EPOCHREALTIME
  used=$(cpu)
  "${@:2}"
  sleep "$1"
  share=$(awk -v a="$used" -v b="$(cpu)" -v s="$(seconds_between "$first" "$EPOCHREALTIME")" \
    'BEGIN { printf "%.1f", 100 * (b - a) / s }')
  second=$EPOCHREALTIME
  cp "$(scrape a)" "$SCRATCH/after"
  least=$(seconds_between "$first" "$second")
  most=$(seconds_between "$begin" "$EPOCHREALTIME")
}

assert_undisturbed() { # WHAT PEERS
  local kind
  for kind in lost refused unstamped; do
    assert_eq "$(metric "$SCRATCH/after" "kube_canary_probes_${kind}_total")" 0 "$1: $kind"
  done
  assert_eq "$(metric "$SCRATCH/after" kube_canary_send_errors_total)" 0 "$1: send errors"
  assert_eq "$(metric "$SCRATCH/after" kube_canary_samples_dropped_total)" 0 "$1: samples dropped"
  assert_between "$(gained kube_canary_probes_sent_total)" "$(awk -v n="$2" -v s="$least" 'BEGIN { print int(0.98 * n * s) }')" \
    "$(awk -v n="$2" -v s="$most" 'BEGIN { print int(1.02 * n * s + n / 10) }')" "$1: probes in $least to $most s"
}

probed() { # NUMBER: a question for eventually
  equals "$1" a kube_canary_peers 'state="probed"'
}

start() { # OPTION…
  canary_start a --node.name=node-a --peers.file="$peers/file" --peers.max=5120 --log.level=warn "$@"
}

everywhere_start

# A few, as all defaults are, to compare with.
peers_write 16
peers_swap
start
eventually 10 probed 16 || fail "16 are not probed"
sleep 3
read -r few_bytes few_maps <<< "$(memory)"
canary_stop a

# 5,000 known, 16 of them probed.
peers_write "$count"
peers_swap
start
eventually 10 probed 16 || fail "not 16 of 5,000 are probed"
assert_eq "$(value a kube_canary_peers 'state="discovered"')" "$count" "peers known"
assert_eq "$(value a kube_canary_peers_surplus)" 0 surplus
measure 4 true
assert_undisturbed ring 16
read -r ring_bytes ring_maps <<< "$(memory)"
known_bytes=$(((ring_bytes - few_bytes + ring_maps - few_maps) / (count - 16)))
assert_between "$known_bytes" 0 64 "bytes for each that is known only"
note "ring: 16 of $count probed; memory $((ring_bytes / 1024)) kB and maps $((ring_maps / 1024)) KiB," \
  "16 alone $((few_bytes / 1024)) kB and $((few_maps / 1024)) KiB: $known_bytes bytes for each that is known only"
canary_stop a
everywhere_stop

# All.
everywhere_start
begin=$EPOCHREALTIME
start --probe.max="$count" --mesh.full-below="$count"
eventually 30 everywhere_asked "$count" || fail "of $count peers $(everywhere_count addresses) are probed"
first_round=$(seconds_between "$begin" "$(everywhere_count newest)")
sleep 1
file=$(scrape a)
assert_eq "$(grep -c '^kube_canary_probes_returned_total{.*} [1-9]' "$file")" "$count" "peers measured"
measure "$window" true
assert_undisturbed all "$count"
read -r p99 late wakes <<< "$(loop_delays "$SCRATCH/before" "$SCRATCH/after")"
read -r all_bytes all_maps <<< "$(memory)"
note "all of $count probed: first full round $first_round s after the start, $share % of a CPU at one probe a second each"
note "memory $((all_bytes / 1024)) kB and maps $((all_maps / 1024)) KiB: $(((all_bytes - ring_bytes) / (count - 16))) and" \
  "$(((all_maps - ring_maps) / (count - 16))) bytes for each that is probed"
assert_between $(((all_bytes - ring_bytes + all_maps - ring_maps) / (count - 16))) 0 2048 "bytes for each that is probed"
note "loop delay p99 up to $p99 s, $late of $wakes wake-ups later than 50 ms"

# One line is another: the old peer, for which there is no slot to linger in, makes room; all others have their turns.
peers_write "$count"
sed -i 's/^10\.64\.10\.1 .*/10.64.40.1 new/' "$peers/new"
measure "$window" peers_swap
assert_undisturbed "a line is another" "$count"
assert_at_least "$(metric "$SCRATCH/after" kube_canary_probes_returned_total 'peer="new"')" 1 "the new peer's probes returned"
assert_eq "$(metric "$SCRATCH/after" kube_canary_peers 'state="probed"')" "$count" "peers probed"
read -r p99 late wakes <<< "$(loop_delays "$SCRATCH/before" "$SCRATCH/after")"
note "a line changed: loop delay p99 up to $p99 s, $late of $wakes wake-ups later than 50 ms," \
  "$(gained kube_canary_probes_sent_total) probes in $least s"
canary_stop a
everywhere_stop
