#!/usr/bin/env bash
# The JSON API of a real mesh: it says the same as the metrics, of the peer that is well and of the one whose
# canary has ended, and the fields are those that the README has.
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
need jq

two_nodes
canaries_start --probe.interval=50ms
eventually 20 at_least 100 a kube_canary_rtt_seconds_count 'peer="node-b"' || fail "a does not measure node-b"

http_get a /api/v1/peers > "$SCRATCH/peers"
file=$(scrape a)
peer() { # JQ: of the only peer that has that name
  jq -c ".peers[] | select(.peer == \"node-b\") | $1" "$SCRATCH/peers"
}
assert_eq "$(jq -c '[.api, .node, .zone]' "$SCRATCH/peers")" '[1,"node-a","zone-a"]' "whose list it is"
assert_eq "$(peer '[.zone, .family, .protocol, .state, .listed, .health]')" '["zone-b","ipv4","stamp","probed",true,"ok"]' "node-b"
assert_eq "$(peer .hop_limit)" '{"reply":255,"probe":255}' "hop limits on one wire"
assert_eq "$(peer '[.flows[].source_port] | unique | length')" 4 "flows with a port each"
assert_eq "$(peer '([.flows[].judged] | add) >= .probes.returned + .probes.lost')" true "probes by flow, those before its name was known among them"
assert_eq "$(peer '([.buckets[][1]] | add) == .probes.returned - .probes.dropped')" true "buckets hold what returned"
assert_eq "$(peer '.rtt_seconds | .min <= .p50 * 1.1 and .p50 <= .p90 and .p90 <= .p99 and .last >= .min')" true "RTT in order"
assert_eq "$(peer '. as $p | [.buckets[] | select(.[0] >= $p.rtt_seconds.p99)][0][1] > 0')" true "p99 lies in a bucket that is there"
# The scrape came a moment later.
for kind in sent returned lost; do
  now=$(metric "$file" "kube_canary_probes_${kind}_total" 'peer="node-b"')
  assert_between "$(peer .probes.$kind)" $((now - 20)) "$now" "$kind, as the metrics have it"
done
assert_eq "$(jq '.time - .peers[0].since | . > 0 and . < 60' "$SCRATCH/peers")" true "since is a moment ago"

http_get a /api/v1/status > "$SCRATCH/status"
assert_eq "$(jq -c '[.interfaces[] | [.name, .egress.attached, .ingress.attached, .egress.error]]' "$SCRATCH/status")" \
  '[["eth0",true,true,null]]' "what is attached"
assert_eq "$(jq '.uptime_seconds > 0 and .uptime_seconds < 120 and (.time - .started - .uptime_seconds | fabs) < 0.001' "$SCRATCH/status")" \
  true "uptime"
assert_eq "$(jq '[.probe.interval_seconds, .probe.timeout_seconds, .probe.flows] == [0.05, 1, 4]' "$SCRATCH/status")" true "as configured"
assert_eq "$(jq '.peers.probed == ([.health[]] | add) - .peers.resolving' "$SCRATCH/status")" true "each peer has a health"
assert_between "$(jq .reflector.reflected "$SCRATCH/status")" 1 "$(value a kube_canary_reflected_total)" "reflected"
assert_eq "$(jq -r '.reflector.refused | keys[]' "$SCRATCH/status" | sort | tr '\n' ' ')" \
  "$(sed -n 's/^kube_canary_reflect_refused_total{reason="\([a-z]*\)".*/\1/p' "$file" | sort | tr '\n' ' ')" "reasons"

# Every field stands in the README, and no other does.
fields() { # FILE: names of what is at the top of each peer, or of the whole
  jq -r 'if .peers | type == "array" then .peers[0] else . end | keys[]' "$1" | sort
}
documented() { # HEADING: first column of the table after it
  awk -v heading="\`/api/v1/$1\` is" 'index($0, heading) == 1 { found = 1; next } found && /^\| `/ { rows = 1; split($0, cell, "|"); print cell[2] }
    found && rows && !/^\|/ { exit }' "$TOP/README.md" | grep -o '`[a-z_]*`' | tr -d '`' | sort
}
for what in peers status; do
  assert_eq "$(fields "$SCRATCH/$what" | tr '\n' ' ')" "$(documented "$what" | tr '\n' ' ')" "fields of $what, and the README's"
done

# A canary that ended in good order is refused, and says so.
canary_stop b
is_refused() {
  http_get a /api/v1/peers > "$SCRATCH/peers"
  [ "$(peer .health)" = '"refused"' ]
}
eventually 10 is_refused || fail "node-b is $(peer .health)"
in_ns b ip link set eth0 down
is_lost() {
  http_get a /api/v1/peers > "$SCRATCH/peers"
  [ "$(peer .health)" = '"lost"' ]
}
eventually 15 is_lost || fail "node-b is $(peer '[.health, .probes, .flows]')"
