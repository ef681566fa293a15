#!/usr/bin/env bash
# 40 peers are probed every 20 ms, in turns that come as often as we wake up: however late each wake-up is, no peer's
# turn falls between two of them. A stall takes a turn of all alike, so peers are compared with one another.
source "$(dirname "$0")/lib.sh"
PEERS=40

two_nodes
peers=()
for ((i = 1; i <= PEERS; i++)); do
  in_ns b ip address add "198.18.0.$((i + 100))/24" dev eth0
  peers+=("--peers.static=198.18.0.$((i + 100))")
done
canary_start a "${peers[@]}" --probe.protocol=icmp --probe.interval=20ms --probe.timeout=200ms
started=$EPOCHREALTIME
sleep 8
ended=$EPOCHREALTIME

file=$(scrape a)
assert_invariant "$file"
read -r count least most < <(awk '/^kube_canary_probes_sent_total[{]/ {
    n++; if (n == 1 || $NF < least) least = $NF; if ($NF > most) most = $NF } END { print n, least, most }' "$file")
due=$(((${ended/./} - ${started/./}) / 20000))
note "$count peers: sent $least to $most, of some $due turns"
assert_between "$least" "$((due * 7 / 10))" "$((due + 25))" "probes of the peer that was probed the least, of the turns that were due (a stall takes some)"
assert_eq "$count" "$PEERS" "peers that were probed"
assert_between "$least" "$((most * 99 / 100))" "$most" "probes of the peer that was probed the least, beside the most"
canary_stop a
