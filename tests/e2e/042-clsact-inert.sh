#!/usr/bin/env bash
# A clsact filter whose loader was killed goes inert after three seconds: traffic that it would have counted
# and test runs alike leave no trace in its maps.
source "$(dirname "$0")/lib.sh"
need bpftool jq tshark xxd

two_nodes
canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --bpf.hook=clsact
eventually 5 at_least 20 a kube_canary_probes_returned_total || fail "no replies"
identifier=$(in_ns a tshark -l -i eth0 -c 1 -a duration:10 -f 'icmp[0] == 8' -T fields -e icmp.ident 2> /dev/null | head -n 1)
program=$(in_ns a tc -j filter show dev eth0 ingress | jq -r '[.. | objects | .id? // empty] | map(select(type == "number")) | first')
counters=$(for map in $(bpftool -j prog show id "$program" | jq '.map_ids[]'); do
  bpftool -j map show id "$map" | jq -r 'select(.name == "kc_counters") | .id'
done)
if [ -z "$identifier" ] || [ -z "$counters" ]; then fail "no identifier ($identifier) or no counters ($counters) found"; fi
strangers() { bpftool -j map dump id "$counters" | jq '.[0].formatted.value.rejected_source'; }

# Replies with our identifier from an address that is no peer's: counted while we live.
address b eth0 198.18.0.9/24
# ping takes the canary's replies for its own, hence counts and times mean nothing to it.
ping_stranger() { in_ns a ping -qc 60 -i 0.01 -e "$((identifier))" 198.18.0.9 > /dev/null 2>&1 || true; }
ping_stranger
alive=$(strangers)
assert_at_least "$alive" 5 "replies of a stranger, counted while alive"

kill -KILL "${LOADER[a]}"
sleep 3.3
assert_eq "$(in_ns a tc filter show dev eth0 ingress | grep -c 'id '"$program ")" 1 "filter that stayed"
ping_stranger
assert_eq "$(strangers)" "$alive" "replies counted while inert"
# The same by test_run: an echo reply of that stranger.
printf '%s' "020000000001020000000002080045000048000040004001$(printf '%04x' 0)c6120009c612000100000000$(printf '%04x' "$((identifier))")0001" \
  "$(printf '00%.0s' {1..44})" | xxd -r -p > "$SCRATCH/packet"
bpftool prog run id "$program" data_in "$SCRATCH/packet" repeat 10 > "$SCRATCH/run" || fail "no test run"
assert_eq "$(grep -o 'Return value: [0-9]*' "$SCRATCH/run")" "Return value: 4294967295" "verdict of the inert filter"
assert_eq "$(strangers)" "$alive" "replies counted by a test run while inert"

# Another version's, whose tag differs, beside it.
foreign_attach old stale ingress -1 eth0 || fail "no filter of another version"
canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --bpf.hook=clsact
eventually 5 at_least 20 a kube_canary_probes_returned_total || fail "no replies after the next start"
assert_eq "$(in_ns a tc filter show dev eth0 ingress | grep -c kc_of_old || true)" 0 "the other version's filter"
assert_eq "$(in_ns a tc filter show dev eth0 ingress | grep -c 'id '"$program " || true)" 0 "the dead loader's filter"
canary_stop a
