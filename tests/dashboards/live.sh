#!/usr/bin/env bash
# Every query of every panel and variable, put to a real Prometheus that has the chart's rules (in VARIANT) and scrapes
# five canaries in two zones. Each must return data, but those that `empty-in-health` names.
source "$(dirname "${BASH_SOURCE[0]}")/../rules/mesh.sh"
HERE=$TOP/tests/dashboards
DASHBOARDS=${DASHBOARDS:-$TOP/charts/kube-canary/files/dashboards}

mesh_open
prometheus_open
eventually 40 is 20 'count(node_peer:kube_canary_rtt_seconds:p99_5m)' || fail "not 20 pairs are recorded"
eventually 20 is 20 'count(node_peer:kube_canary_probes_lost:ratio_rate5m)' || fail "no loss is recorded"
sleep 15 # rates of the dashboards look back as long

put() { # KIND QUERY: the answer
  local now
  now=$(date +%s)
  if [ "$1" = instant ]; then
    in_ns hub curl -s --data-urlencode "query=$2" http://127.0.0.1:9090/api/v1/query
  else
    in_ns hub curl -s --data-urlencode "query=$2" --data "start=$((now - 5))&end=$now&step=1" \
      http://127.0.0.1:9090/api/v1/query_range
  fi
}

# Numbers in the answer that are numbers; histograms are as good.
numbers() {
  jq '[.data.result[] | (.value // empty | .[1]), (.values // [] | .[] | .[1]), (.histogram // empty | "1"), (.histograms // [] | .[] | "1")]
    | map(select(. != "NaN")) | length' "$SCRATCH/answer"
}

wrong=0
complain() {
  wrong=$((wrong + 1))
  echo "WRONG: $*"
}

for board in mesh node canary; do
  queries=0 empty=0
  while IFS=$'\t' read -r panel ref kind query <&3; do
    queries=$((queries + 1))
    put "$kind" "$query" > "$SCRATCH/answer"
    if [ "$(jq -r .status "$SCRATCH/answer")" != success ]; then
      complain "$board, $panel, $ref: $(jq -r .error "$SCRATCH/answer")"
      continue
    fi
    reason=$(awk -F '|' -v board="$board" -v panel="$panel" -v ref="$ref" \
      '$1 == board && $2 == panel && $3 == ref { print $4 }' "$HERE/empty-in-health")
    count=$(numbers)
    if [ -n "$reason" ]; then
      empty=$((empty + 1))
      note "$board, $panel, $ref: empty, since $reason"
      [ "$count" -eq 0 ] || complain "$board, $panel, $ref: returns data, though $reason"
    elif [ "$count" -eq 0 ]; then
      complain "$board, $panel, $ref: no data of $query"
    fi
  done 3< <(python3 "$HERE/check.py" queries "$DASHBOARDS/$board.json")
  variables=0
  while IFS=$'\t' read -r name selector label <&3; do
    variables=$((variables + 1))
    put instant "group by ($label) ($selector{})" > "$SCRATCH/answer"
    [[ $selector != *"{"* ]] || put instant "group by ($label) ($selector)" > "$SCRATCH/answer"
    [ "$(jq --arg key "$label" '[.data.result[].metric[$key] | select(. != null)] | length' "$SCRATCH/answer")" -ge 2 ] ||
      complain "$board: variable $name has no values"
  done 3< <(python3 "$HERE/check.py" variables "$DASHBOARDS/$board.json")
  note "$board: $queries queries of panels, $empty of them rightly empty, and $variables of variables"
  [ "$queries" -gt 10 ] || complain "$board: $queries queries"
done

# The matrices have a cell for each pair, and smoke is of the kind that this variant stores.
python3 "$HERE/check.py" queries "$DASHBOARDS/mesh.json" > "$SCRATCH/queries"
for cells in "p99 between zones=4" "Loss between zones=4" "p99 between nodes=20" "Loss between nodes=20"; do
  query=$(awk -F '\t' -v panel="${cells%=*}" '$1 == panel { print $4 }' "$SCRATCH/queries")
  found=$(put instant "$query" | jq '.data.result | length')
  [ "$found" -eq "${cells##*=}" ] || complain "${cells%=*} has $found cells"
done
put instant "$(awk -F '\t' '$1 == "Smoke" { print $4 }' "$SCRATCH/queries")" > "$SCRATCH/answer"
if [ "$VARIANT" = classic ]; then
  smoke=$(jq '[.data.result[].metric.le] | length' "$SCRATCH/answer")
  [ "$smoke" -ge 25 ] || complain "smoke has $smoke classic buckets"
else
  smoke=$(jq '[.data.result[].histogram[1].buckets[]] | length' "$SCRATCH/answer")
  [ "$smoke" -ge 5 ] || complain "smoke has $smoke native buckets"
fi
note "smoke: $smoke buckets"
[ "$wrong" -eq 0 ] || fail "$wrong complaints"
