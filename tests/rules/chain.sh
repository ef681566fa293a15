#!/usr/bin/env bash
# The whole chain: five canaries, Prometheus, the chart's rules. A node is cut off, then one pair, then a canary is killed:
# each time the right alert fires and no other, and after it there is quiet. Durations are shortened: see mesh.sh.
source "$(dirname "${BASH_SOURCE[0]}")/mesh.sh"

only() { # ALERT: it fires, and nothing else (a question for eventually)
  [ "$(firing)" = "$1" ]
}

# Nothing else fired since SECONDS ago, nor fires during so many more.
nothing_but() { # ALERT SINCE LONGER WHAT
  local words
  sleep "$3"
  words=$(fired $((SECONDS - $2)) | paste -sd ,)
  assert_eq "$words" "$1" "alerts while $4"
}

after_seconds() { # SINCE
  awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

annotations_are_whole() { # of all that fire
  in_ns hub curl -sf http://127.0.0.1:9090/api/v1/alerts > "$SCRATCH/alerts.json"
  assert_eq "$(jq '[.data.alerts[].annotations | select((.summary | length) < 20 or (.description | length) < 80 or
    (tostring | test("no value|error|\\{\\{")))] | length' "$SCRATCH/alerts.json")" 0 "alerts with broken annotations"
  note "$(jq -r '.data.alerts[] | select(.state == "firing") | .annotations.summary' "$SCRATCH/alerts.json" | head -n 2 | paste -sd ';')"
}

mesh_open
prometheus_open
eventually 40 is 20 'count(node_peer:kube_canary_rtt_seconds:p99_5m)' || fail "not 20 pairs are recorded"
eventually 20 is 4 'count(zone_peer_zone:kube_canary_zone_rtt_seconds:p99_5m)' || fail "not four pairs of zones are recorded"
for query in 'count(node_peer:kube_canary_probes_lost:ratio_rate5m)=20' \
  'count(zone_peer_zone:kube_canary_zone_probes_lost:ratio_rate5m)=4' \
  'count(node:kube_canary_loop_delay_seconds:p99_5m)=5' 'count(up == 1)=5'; do
  eventually 10 is "${query##*=}" "${query%=*}" || fail "${query%=*} is $(answer "${query%=*}"), not ${query##*=}"
done
if [ "$VARIANT" = native ]; then
  assert_eq "$(answer 'count(kube_canary_zone_rtt_seconds_bucket)')" "" "classic buckets where there are native ones"
fi
begin=$SECONDS
nothing_but "" $((begin - 10)) 15 "all is well"

begin=$SECONDS start=$EPOCHREALTIME
in_ns hub ip link set port-5 down
eventually 25 only "KubeCanaryNodeIsolated node-5" || fail "with node 5 cut off fire: $(firing | paste -sd ,)"
note "node-5 is told to be isolated $(after_seconds "$start") s after its link went down; shipped: $SHORTER times that"
annotations_are_whole
nothing_but "KubeCanaryNodeIsolated node-5" "$begin" 30 "node 5 is cut off"
in_ns hub ip link set port-5 up
eventually 20 only "" || fail "node 5 is back, there fire: $(firing | paste -sd ,)"
begin=$SECONDS
nothing_but "" $((begin + 1)) 25 "node 5 is back"

begin=$SECONDS
in_ns hub nft -f - << NFT
table bridge cut {
  chain forward {
    type filter hook forward priority 0;
    ip saddr $(crowd_address 1) ip daddr $(crowd_address 2) udp dport 862 drop
  }
}
NFT
eventually 40 only "KubeCanaryPairLoss node-1 node-2" || fail "with one pair cut fire: $(firing | paste -sd ,)"
annotations_are_whole
nothing_but "KubeCanaryPairLoss node-1 node-2" "$begin" 10 "one pair is cut"
in_ns hub nft delete table bridge cut
eventually 20 only "" || fail "the pair is healed, there fire: $(firing | paste -sd ,)"

begin=$SECONDS
kill -KILL "${LOADER[3]}"
eventually 30 only "KubeCanaryDown node-3" || fail "with canary 3 killed fire: $(firing | paste -sd ,)"
annotations_are_whole
nothing_but "KubeCanaryDown node-3" "$begin" 25 "canary 3 is dead"
mesh_start 3
eventually 20 only "" || fail "canary 3 is back, there fire: $(firing | paste -sd ,)"
begin=$SECONDS
nothing_but "" $((begin + 1)) 25 "canary 3 is back"
! grep -qE 'level=(warn|error)' "$SCRATCH/prometheus.log" || fail "Prometheus complains: $(grep -m 1 -E 'level=(warn|error)' "$SCRATCH/prometheus.log")"
