#!/usr/bin/env bash
# A real Prometheus scrapes a node: rate() and histogram_quantile() answer, and the target is up.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/prometheus.sh"
need jq

two_nodes
canary_start a --peers.static=b=198.18.0.2 --peers.static=b6=fd00:18::2 --probe.interval=100ms
prometheus_start prometheus 9090

query() {
  in_ns a curl -sf --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
    jq -r '.data.result[] | .value[1]' 2> /dev/null | grep -v NaN
}
answers() { [ "$(query "$1" | wc -l)" -eq "$2" ]; }
eventually 30 answers 'histogram_quantile(0.99, rate(kube_canary_rtt_seconds_bucket[10s]))' 2 || fail "no quantiles"
assert_eq "$(query 'up{job="kube-canary"}')" 1 up
# Two peers, 10 probes a second each; rate() needs a full window for the true figure.
paced() {
  query 'rate(kube_canary_probes_sent_total[10s])' |
    awk '{ if ($1 < 8 || $1 > 11) off = 1 } END { exit off || NR != 2 }'
}
eventually 20 paced || fail "rates of $(query 'rate(kube_canary_probes_sent_total[10s])' | tr '\n' ' ')instead of 10"
for quantile in $(query 'histogram_quantile(0.5, rate(kube_canary_rtt_seconds_bucket[10s]))'); do
  assert_between "$quantile" 0.0000001 0.01 "median RTT in seconds"
  note "median RTT $quantile s"
done
assert_eq "$(query 'count({__name__=~"kube_canary_.+",job="kube-canary"}) > 0' | wc -l)" 1 "families stored"
assert_eq "$(query 'scrape_samples_post_metric_relabeling - scrape_samples_scraped')" 0 "samples refused"
canary_stop a
