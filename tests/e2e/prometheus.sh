# shellcheck shell=bash
# A real Prometheus beside canary a, which it scrapes each second. Sourced after lib.sh.

need prometheus

prometheus_start() { # NAME PORT OPTION…
  cat > "$SCRATCH/$1.yml" << YAML
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
- { job_name: kube-canary, static_configs: [{ targets: ["127.0.0.1:10862"] }] }
YAML
  ip netns exec "$PREFIX-a" prometheus --config.file="$SCRATCH/$1.yml" --storage.tsdb.path="$SCRATCH/data-$1" \
    --web.listen-address="127.0.0.1:$2" --log.level=warn "${@:3}" 2> "$SCRATCH/$1.log" &
  own_process $!
}
