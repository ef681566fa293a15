#!/usr/bin/env bash
# Debian's slowhttptest against a canary: slow headers, slow bodies, slow readers, ranges, 1,000 connections each. Others
# are served within 3 s, probes keep their pace, memory does not grow; afterwards all is as before.
# Alone: it takes what it can get.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/siege.sh"
need slowhttptest

ulimit -n 4096
two_nodes
canary_start b --node.name=node-b --peers.static=198.18.0.1
canary_start a --node.name=node-a --peers.static=198.18.0.2 --probe.interval=20ms \
  --web.listen-address=127.0.0.1:10862 --web.listen-address=198.18.0.1:9862
eventually 5 at_least 20 a kube_canary_probes_returned_total

declare -A attacks=(
  [headers]="-H -i 1 -u http://198.18.0.1:9862/metrics"
  [bodies]="-B -t GET -i 1 -s 8192 -u http://198.18.0.1:9862/metrics"
  [readers]="-X -w 16 -y 32 -n 1 -z 8 -k 10 -u http://198.18.0.1:9862/"
  [ranges]="-R -a 1 -b 3000 -u http://198.18.0.1:9862/"
)
siege_begin
resident=$(siege_resident)
for kind in headers bodies readers ranges; do
  # shellcheck disable=SC2086 # options
  siege "$kind" slowhttptest ${attacks[$kind]} -c 1000 -r 500 -l 4 -p 3
  # Its last report: what became of the connections. It asks for the document itself as well.
  tr '\r' '\n' < "$SCRATCH/attack" | sed 's/\x1b\[[0-9;]*m//g' | awk -F: '
    { gsub(/ /, "", $2) }
    $1 ~ /^(initializing|pending|connected|error|closed|service available)$/ { value[$1] = $2 }
    END { printf "%d %d %d %s\n", value["connected"], value["closed"], value["error"], value["service available"] }' > "$SCRATCH/report"
  read -r connected closed errors available < "$SCRATCH/report"
  assert_eq "$errors" 0 "connections that cannot be made, of $kind"
  assert_eq "$available" YES "served, as slowhttptest has it, while $kind"
  note "$kind: at its end $connected connected, $closed closed"
done
taken=$(in_ns a curl -sf -o /dev/null -w '%{time_total}' http://127.0.0.1:10862/metrics)
note "afterwards: a scrape takes $taken s, resident $resident KiB before all of them, $(siege_resident) after"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 lost
assert_between "$(($(siege_resident) - resident))" -4096 512 "KiB of memory more after all of them"
canary_stop a
canary_stop b
