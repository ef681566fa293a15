# shellcheck shell=bash
# Five canaries in two zones on one bridge, and Debian's Prometheus beside it with the chart's rules and the scrape settings
# that the chart's PodMonitor asks for. VARIANT is classic or native. Sourced by the tests of rules and dashboards.
#
# So that a test need not last a day, one thing is not as shipped: every duration of the rules, in brackets, behind `for:`
# and behind `offset`, is divided by SHORTER, by a mechanical rewrite. Probes and scrapes are as much more frequent.
export PROTOCOL=stamp
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck source=../e2e/crowd.sh
source "$TOP/tests/e2e/crowd.sh"
need prometheus promtool jq nft

VARIANT=${VARIANT:-classic}
RULES=${RULES:-$TOP/charts/kube-canary/files/rules}
SHORTER=30

zone_of() { # NODE
  if [ "$1" -le 3 ]; then echo zone-a; else echo zone-b; fi
}

rules_shorten() { # FILE…: into $SCRATCH/rules
  mkdir -p "$SCRATCH/rules"
  python3 - "$SHORTER" "$SCRATCH/rules" "$@" << 'PYTHON'
import os, re, sys
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
shorter, folder, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
for path in files:
    text = re.sub(r"(\[|for: |offset )(\d+)([smhd])\b", lambda found:
                  f"{found[1]}{int(found[2]) * SECONDS[found[3]] * 1000 // shorter}ms", open(path).read())
    open(os.path.join(folder, os.path.basename(path)), "w").write(text)
PYTHON
}

mesh_open() {
  local node
  crowd_open 5
  for node in 1 2 3 4 5; do
    echo "$(crowd_address "$node") node-$node zone=$(zone_of "$node")"
  done > "$SCRATCH/peers"
  for node in 1 2 3 4 5; do
    mesh_start "$node"
  done
}

mesh_start() { # NODE
  canary_start "$1" --node.name="node-$1" --node.zone="$(zone_of "$1")" --peers.file="$SCRATCH/peers" \
    --probe.interval=100ms --probe.timeout=300ms "${CROWD_OPTIONS[@]}"
}

prometheus_open() {
  local node options=()
  [ "$VARIANT" = classic ] || options=(--enable-feature=native-histograms)
  rules_shorten "$RULES/recording.$VARIANT.yaml" "$RULES/alerts.yaml"
  {
    echo "global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }"
    echo "rule_files: [$SCRATCH/rules/*.yaml]"
    echo "scrape_configs:"
    echo "- job_name: kube-canary"
    echo "  honor_labels: true"
    echo "  static_configs:"
    for node in 1 2 3 4 5; do
      echo "  - { targets: ['$(crowd_address "$node"):10862'], labels: { node: node-$node, zone: $(zone_of "$node") } }"
    done
  } > "$SCRATCH/prometheus.yml"
  promtool check config "$SCRATCH/prometheus.yml" > "$SCRATCH/promtool.log" 2>&1 || fail "$(tail -n 5 "$SCRATCH/promtool.log")"
  ip netns exec "$PREFIX-hub" prometheus --config.file="$SCRATCH/prometheus.yml" --storage.tsdb.path="$SCRATCH/data" \
    --web.listen-address=127.0.0.1:9090 --log.level=warn "${options[@]}" 2> "$SCRATCH/prometheus.log" &
  own_process $!
  eventually 20 in_ns hub curl -sf -o "$SCRATCH/ready" http://127.0.0.1:9090/-/ready || fail "Prometheus does not start"
}

ask() { # QUERY: the whole answer
  in_ns hub curl -sf --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query
}

answer() { # QUERY: values
  ask "$1" | jq -r '.data.result[] | .value[1]'
}

is() { # WANTED QUERY: a question for eventually
  [ "$(answer "$2")" = "$1" ]
}

firing() { # alerts that fire: name and node, peer or zones, one a line, sorted
  ask 'ALERTS{alertstate="firing"}' | alerts_named
}

fired() { # SECONDS: alerts that fired at any time in the last ones
  ask "max_over_time(ALERTS{alertstate=\"firing\"}[${1}s])" | alerts_named
}

alerts_named() {
  jq -r '.data.result[].metric | [.alertname, .node // .zone // "", .peer // .peer_zone // ""] | join(" ") | rtrimstr(" ")' |
    sort -u
}
