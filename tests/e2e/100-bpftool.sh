#!/usr/bin/env bash
# For people with bpftool: programs and maps have telling names, and the map of peers shows named fields that
# agree with the metrics.
source "$(dirname "$0")/lib.sh"
need bpftool jq

two_nodes
canary_start a --peers.static=b=198.18.0.2 --probe.interval=20ms
eventually 10 at_least 50 a kube_canary_probes_returned_total || fail "not measured"
assert_eq "$(tcx_programs a ingress eth0)" kc_ingress "program at ingress"
assert_eq "$(tcx_programs a egress eth0)" kc_egress "program at egress"

# By a program that the loader holds: other canaries may run on this machine.
program=$(awk '$1 == "prog_id:" { print $2 }' "/proc/${LOADER[a]}/fdinfo/"* 2> /dev/null | sort -n | tail -n 1)
peers=$(for map in $(bpftool -j prog show id "$program" | jq '.map_ids[]'); do
  bpftool -j map show id "$map" | jq -r 'select(.name == "kc_peers") | .id'
done)
[ -n "$peers" ] || fail "no map kc_peers"

# The peer is away while both are read, so that nothing moves in between.
in_ns b ip link set dev eth0 down
sleep 1.5
bpftool -j map dump id "$peers" > "$SCRATCH/dump"
file=$(scrape a)
row=$(jq -c '[.[] | .formatted.value | select(.returned > 0)] | first' "$SCRATCH/dump")
note "$row"
assert_eq "$(jq -r 'if (.address | type) == "array" then (.address | map(if type == "string" then . else [.] | implode end) | join("")) else .address end' <<< "$row" |
  tr -d '\0')" 198.18.0.2 "address in the map"
assert_eq "$(jq .returned <<< "$row")" "$(metric "$file" kube_canary_probes_returned_total)" "returned in the map"
stamped=$(($(metric "$file" kube_canary_probes_sent_total) - $(metric "$file" kube_canary_probes_unstamped_total)))
assert_between "$(jq .sent <<< "$row")" $((stamped - 100)) "$stamped" "sent in the map, by the metrics"
for name in last_rtt_ns min_rtt_ns; do
  assert_at_least "$(jq ".$name" <<< "$row")" 1 "$name in the map"
done
canary_stop a
