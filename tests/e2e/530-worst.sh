#!/usr/bin/env bash
# --metrics.per-peer=worst:10 in a mesh of 50 with three bad peers: one whose replies are late now and then, and two that
# begin to lose when noise has had its time to list whom it will. They are soon among those with series of their own; what
# is left out is counted, and the aggregates of the zones are those of all 50. With `none` there are but aggregates. Takes
# twice the 45 s that three evaluations take; a machine that is busy may spoil one, and it begins anew.
source "$(dirname "$0")/lib.sh"
need nft jq

two_nodes_and_relay
wire a eth1 b eth1
address a eth1 198.19.0.1/24
for host in $(seq 2 50); do
  address b eth1 "198.19.0.$host/24"
done
# Two zones. The late one is behind the relay: 5 % of its probes, which is 0.2 % of its zone's.
for host in $(seq 2 50); do
  echo "198.19.0.$host peer-$host probe=icmp zone=zone-$((host % 2))"
done > "$SCRATCH/peers"
echo "198.18.0.2 late probe=icmp zone=zone-0" >> "$SCRATCH/peers"
relay_start --late-every 20 --late-us 100000
canary_start a --node.name=node-a --peers.file="$SCRATCH/peers" --metrics.per-peer=worst:10 --probe.interval=100ms
canary_start b --node.name=node-b --peers.static=x=198.19.0.1 --peers.static=y=198.18.0.1 --metrics.per-peer=none --probe.interval=200ms
eventually 5 equals 50 a kube_canary_peers 'state="probed"' || fail "not 50 are probed"

listed() { # FILE: names, sorted
  sed -n 's/^kube_canary_peer_info{peer="\([^"]*\)".*/\1/p' "$1" | sort
}
assert_eq "$(listed "$(scrape a)")" "" "peers listed before anything is evaluated"
assert_eq "$(value a kube_canary_peers 'state="unlisted"')" 50 "unlisted before anything is evaluated"

sleep 25
assert_eq "$(listed "$(scrape a)")" "" "peers listed before three evaluations"
sleep 20
note "before two begin to lose are listed: $(listed "$(scrape a)" | tr '\n' ' ')"

bad_are_listed() {
  [ "$(listed "$(scrape a)" | grep -cxE 'peer-20|peer-31|late')" -eq 3 ]
}
in_ns b nft -f - << 'NFT'
table ip bad {
  chain input {
    type filter hook input priority 0;
    ip daddr 198.19.0.20 icmp type echo-request numgen random mod 100 < 30 drop
    ip daddr 198.19.0.31 icmp type echo-request numgen random mod 100 < 5 drop
  }
}
NFT
begin=$EPOCHREALTIME
eventually 75 bad_are_listed || fail "listed are $(listed "$SCRATCH/metrics-a" | tr '\n' ' '), of the bad" \
  "$(http_get a /api/v1/peers | jq -c '.peers[] | select(.peer | IN("late", "peer-20", "peer-31")) | del(.flows, .buckets)')"
note "the three are listed $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s after that"

# What the API says of all before and after is the bounds of what the zones say.
http_get a /api/v1/peers > "$SCRATCH/before"
file=$(scrape a)
http_get a /api/v1/peers > "$SCRATCH/after"
sum() { # FILE ZONE JQ: over all peers of the zone
  jq "[.peers[] | select(.zone == \"$2\") | $3] | add" "$SCRATCH/$1"
}
for zone in zone-0 zone-1; do
  # As sent a zone counts what has its verdict.
  for pair in 'probes_sent_total:.probes|.returned+.lost+.refused+.unstamped' probes_returned_total:.probes.returned probes_lost_total:.probes.lost \
    rtt_seconds_count:'.buckets[][1]'; do
    aggregate=$(metric "$file" "kube_canary_zone_${pair%%:*}" "peer_zone=\"$zone\"")
    assert_at_least "$aggregate" 1 "${pair%%:*} of $zone"
    assert_between "$aggregate" "$(sum before $zone "${pair#*:}")" "$(sum after $zone "${pair#*:}")" "${pair%%:*} of $zone"
  done
done
assert_eq "$(jq '[.peers[] | select(.zone | IN("zone-0", "zone-1"))] | length' "$SCRATCH/before")" 50 "peers of the API"
for family in peer_info probes_sent_total rtt_seconds_count; do
  assert_between "$(grep -c "^kube_canary_$family{peer=" "$file")" 3 20 "series of $family"
done
count=$(listed "$file" | wc -l)
assert_eq "$(metric "$file" kube_canary_peers 'state="unlisted"')" $((50 - count)) "unlisted, of $count listed"
assert_eq "$(jq '[.peers[] | select(.listed)] | length' "$SCRATCH/before")" "$count" "listed, as the API has it"
assert_eq "$(sed -n 's/^kube_canary_probes_sent_total{.*peer="\([^"]*\)".*/\1/p' "$file" | sort)" "$(listed "$file")" \
  "whose series there are"
# Each has its true counters, not those since it was listed.
assert_between "$(metric "$file" kube_canary_probes_sent_total 'peer="peer-20"')" \
  "$(jq '.peers[] | select(.peer == "peer-20") | .probes.sent' "$SCRATCH/before")" \
  "$(jq '.peers[] | select(.peer == "peer-20") | .probes.sent' "$SCRATCH/after")" "probes of peer-20"
note "$count listed: $(listed "$file" | tr '\n' ' ')"

file=$(scrape b)
assert_eq "$(grep -c '[{,]peer="' "$file" || true)" 0 "series of single peers with none"
assert_eq "$(metric "$file" kube_canary_peers 'state="unlisted"')" 2 "unlisted with none"
assert_at_least "$(metric "$file" kube_canary_zone_rtt_seconds_count)" 300 "samples of the zones with none"
assert_eq "$(http_get b /api/v1/peers | jq -c '[.peers[] | .listed]')" '[false,false]' "the API with none"
canary_stop a
canary_stop b
