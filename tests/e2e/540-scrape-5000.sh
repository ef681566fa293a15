#!/usr/bin/env bash
# Scrapes of 5,000 peers in each format, with and without gzip: size, processor time, time until it is there, memory.
# Memory does not grow from scrape to scrape, and each probe has its turn meanwhile.
# The peers are one process behind one next hop that answers at all their addresses: everywhere.c.
# Alone: a bar of time: turns that are missed are missed.
# shellcheck disable=SC2034 # for lib.sh
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"

count=5000
rounds=3
two_nodes
in_ns b ip route add local 10.64.0.0/18 dev lo
in_ns a ip route add 10.64.0.0/18 via 198.18.0.2
awk -v count="$count" 'BEGIN { for (i = 0; i < count; i++) printf "10.64.%d.%d peer-%d zone=zone-%d\n", i / 250, 1 + i % 250, i, i % 3 }' \
  > "$SCRATCH/peers"
ip netns exec "$PREFIX-b" "$TOOLS/everywhere" "$SCRATCH/everywhere" 2>> "$SCRATCH/everywhere.log" &
EVERYWHERE=$!
own_process "$EVERYWHERE"
eventually 5 test -e "$SCRATCH/everywhere" || fail "the reflector does not start"
canary_start a --node.name=node-a --peers.file="$SCRATCH/peers" --peers.max=5120 --probe.max="$count" --mesh.full-below="$count" --log.level=warn
everywhere_asked() {
  [ "$(tool_count "$EVERYWHERE" "$SCRATCH/everywhere" addresses)" -ge "$count" ]
}
eventually 30 everywhere_asked || fail "not all of $count peers are probed"
sleep 1.5

resident() { # KiB of the process that serves: now, and at most ever
  awk '$1 == "VmRSS:" || $1 == "VmHWM:" { value[$1] = $2 } END { print value["VmRSS:"], value["VmHWM:"] }' \
    "/proc/$(canary_pid a)/status"
}
cpu() { # nanoseconds of the process that serves, its probes included
  cut -d' ' -f1 "/proc/$(canary_pid a)/schedstat"
}
accept_text='text/plain; version=0.0.4'
accept_openmetrics='application/openmetrics-text; version=1.0.0'
accept_protobuf='application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
fetch() { # FORMAT ENCODING: into $SCRATCH/document; seconds taken
  local accept=accept_$1
  in_ns a curl -sf -H "Accept: ${!accept}" -H "Accept-Encoding: $2" -D "$SCRATCH/headers" -o "$SCRATCH/document" \
    -w '%{time_total}' --max-time 20 http://127.0.0.1:10862/metrics
}
greater() {
  awk -v a="$1" -v b="$2" 'BEGIN { print (a + 0 > b + 0 ? a : b) }'
}
lesser() { # NUMBER OTHER: nothing is greater than all
  awk -v a="$1" -v b="$2" 'BEGIN { print (b == "" || a + 0 < b + 0 ? a : b) }'
}

# One of each first: what memory streams take is taken once.
read -r resident_begin _ <<< "$(resident)"
for format in text openmetrics protobuf; do
  for encoding in identity gzip; do
    fetch $format $encoding > /dev/null || fail "no $format with $encoding"
  done
done
cp "$(scrape a)" "$SCRATCH/before"
begin=$EPOCHREALTIME
read -r resident_before _ <<< "$(resident)"
for format in text openmetrics protobuf; do
  for encoding in identity gzip; do
    produced='' whole='' most=0
    for ((round = 0; round < rounds; round++)); do
      used=$(cpu)
      taken=$(fetch $format $encoding) || fail "no $format with $encoding"
      used=$(awk -v a="$used" -v b="$(cpu)" 'BEGIN { printf "%.1f", (b - a) / 1e6 }')
      most=$(greater "$most" "$taken")
      # Of the scrape before, told by one more.
      ms=$(in_ns a curl -s --max-time 20 --compressed http://127.0.0.1:10862/metrics |
        awk '$1 == "kube_canary_scrape_duration_seconds" { printf "%.1f", 1000 * $2 }')
      produced=$(lesser "$ms" "$produced")
      whole=$(lesser "$used" "$whole")
    done
    grep -qi '^Content-Encoding: gzip' "$SCRATCH/headers" && is=gzip || is=identity
    assert_eq "$is" "$encoding" "encoding of $format"
    read -r now peak <<< "$(resident)"
    note "$format, $encoding: $(wc -c < "$SCRATCH/document") octets produced in $produced ms of a CPU," \
      "of the process $whole ms, there within $most s; resident $now KiB, at most $peak"
    assert_at_least "$produced" 0.1 "ms of processor time"
    if [ "$format$encoding" = textidentity ]; then
      assert_eq "$(grep -c '^kube_canary_probes_sent_total{' "$SCRATCH/document")" "$count" "peers in the text"
      assert_eq "$(metric "$SCRATCH/document" kube_canary_peers 'state="unlisted"')" 0 "unlisted"
    fi
  done
done
# As many at once as there are streams.
together=()
for format in text openmetrics protobuf protobuf; do
  accept=accept_$format
  in_ns a curl -sf -H "Accept: ${!accept}" --compressed -o "$SCRATCH/together-${#together[@]}" --max-time 20 \
    http://127.0.0.1:10862/metrics &
  together+=($!)
done
for fetching in "${together[@]}"; do
  wait "$fetching" || fail "four scrapes at once: status $?"
done
assert_eq "$(grep -c '^kube_canary_probes_sent_total{' "$SCRATCH/together-0")" "$count" "peers in the text, of four scrapes at once"
assert_eq "$(tail -n 1 "$SCRATCH/together-1")" "# EOF" "end of OpenMetrics, of four scrapes at once"
read -r resident_after _ <<< "$(resident)"
second=$EPOCHREALTIME
cp "$(scrape a)" "$SCRATCH/after"
least=$(seconds_between "$begin" "$second")
most=$(seconds_between "$begin" "$EPOCHREALTIME")
read -r delay late wakes <<< "$(loop_delays "$SCRATCH/before" "$SCRATCH/after")"
note "$((6 * rounds * 2 + 4)) scrapes in $most s: $(gained kube_canary_probes_sent_total) probes, loop delay: 99 % within $delay s, $late of $wakes later than 50 ms;" \
  "resident $resident_begin KiB before any, $resident_before and $resident_after before and after these"
assert_between "$late" 0 $((wakes / 50)) "of $wakes wake-ups later than 50 ms, while scrapes are written"
assert_between $((resident_after - resident_before)) -65536 511 "KiB of memory more after repeated scrapes"
assert_between $((resident_after - resident_begin)) -65536 2048 "KiB of memory more than before the first"
assert_between "$(gained kube_canary_probes_sent_total)" "$(awk -v n="$count" -v s="$least" 'BEGIN { print int(0.98 * n * (s - 0.3)) }')" \
  "$(awk -v n="$count" -v s="$most" 'BEGIN { print int(1.02 * n * (s + 0.3)) }')" "probes in $least to $most s"
for kind in lost refused unstamped; do
  assert_eq "$(gained "kube_canary_probes_${kind}_total")" 0 "$kind"
done
assert_eq "$(gained kube_canary_send_errors_total)" 0 "send errors"
assert_eq "$(gained kube_canary_samples_dropped_total)" 0 "samples dropped"
canary_stop a
