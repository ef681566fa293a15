#!/usr/bin/env bash
# Percentiles are the same whoever works them out: two of Debian's Prometheus, one with native histograms and one
# without, and the JSON API. Peers from microseconds to 50 ms; then the wires are cut, so that all read the same samples.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/prometheus.sh"
need promtool jq python3

two_nodes_and_relay
namespace c
wire a eth1 c eth0
address a eth1 198.19.0.1/24
address c eth0 198.19.0.2/24
relay_start --delay-us 100 --jitter-us 20000 --late-every 10 --late-us 40000
canary_start a --peers.static=b=198.18.0.2 --peers.static=b6=fd00:18::2 --peers.static=c=198.19.0.2 --probe.interval=20ms

ask() { # PORT QUERY
  in_ns a curl -sf --data-urlencode "query=$2" "http://127.0.0.1:$1/api/v1/query"
}
answer() { # PORT QUERY
  ask "$@" | jq -r '.data.result[] | .value[1]'
}
prometheus_start native 9090 --enable-feature=native-histograms
prometheus_start classic 9091

eventually 30 at_least 400 a kube_canary_rtt_seconds_count 'peer="b"' || fail "b is not measured"
words=$(http_get a /metrics | promtool check metrics 2>&1) || fail "promtool: $words"
assert_eq "$words" "" "words of promtool"
rates=0
for query in '9090 rate(kube_canary_rtt_seconds[5s])' '9091 rate(kube_canary_rtt_seconds_bucket[5s])'; do
  eventually 15 eval "answer ${query%% *} 'histogram_quantile(0.5, ${query#* })' | grep -qv NaN" || fail "no quantile of ${query#* }"
  rates=$((rates + $(answer "${query%% *}" "histogram_quantile(0.5, ${query#* })" | wc -l)))
done
assert_eq "$rates" 6 "medians of rates, of both and of three peers"

# Nothing returns any more; what is in flight is soon judged, and then scraped by both.
relay_stop
in_ns c ip link set eth0 down
settled() {
  local before
  before=$(value a kube_canary_rtt_seconds_count)
  sleep 1.2
  [ "$(value a kube_canary_rtt_seconds_count)" = "$before" ]
}
eventually 10 settled || fail "samples come over wires that are cut"
count=$(value a kube_canary_rtt_seconds_count)
stored() { # the last scrapes of both were after that
  [ "$(answer 9090 'sum(histogram_count(kube_canary_rtt_seconds))')" = "$count" ] &&
    [ "$(answer 9091 'sum(kube_canary_rtt_seconds_count)')" = "$count" ]
}
eventually 10 stored || fail "not all $count samples are stored"
assert_eq "$(answer 9090 'count(kube_canary_rtt_seconds_bucket)')" "" "classic buckets where there are native ones"

http_get a /api/v1/peers > "$SCRATCH/peers.json"
cp "$(scrape a)" "$SCRATCH/text"
for quantile in 0.5 0.9 0.99; do
  ask 9090 "histogram_quantile($quantile, kube_canary_rtt_seconds)" > "$SCRATCH/native-$quantile.json"
  ask 9091 "histogram_quantile($quantile, kube_canary_rtt_seconds_bucket)" > "$SCRATCH/classic-$quantile.json"
done
python3 - "$SCRATCH" > "$SCRATCH/agreement" << 'PYTHON' || fail "$(tail -n 1 "$SCRATCH/agreement")"
import json, re, sys

WIDTH = 2 ** (1 / 8)  # of a native bucket
scratch = sys.argv[1]
buckets = {}
for line in open(scratch + "/text"):
    found = re.match(r'kube_canary_rtt_seconds_bucket{peer="(\w+)",le="([^"]+)"} (\d+)', line)
    if found:
        buckets.setdefault(found[1], []).append((float(found[2]), int(found[3])))


def classic_bucket(peer, share):
    """Below and above that quantile."""
    below, rank = 0.0, share * buckets[peer][-1][1]
    for bound, count in buckets[peer]:
        if count >= rank:
            return below, bound
        below = bound


def stored(kind, share):
    answer = json.load(open(f"{scratch}/{kind}-{share}.json"))["data"]["result"]
    return {one["metric"]["peer"]: float(one["value"][1]) for one in answer}


peers = {one["peer"]: one["rtt_seconds"] for one in json.load(open(scratch + "/peers.json"))["peers"]}
assert sorted(peers) == ["b", "b6", "c"], peers
worst = 1.0
for name, share in ("p50", "0.5"), ("p90", "0.9"), ("p99", "0.99"):
    native, classic = stored("native", share), stored("classic", share)
    for peer, api in sorted(peers.items()):
        low, high = classic_bucket(peer, float(share))
        said = f"{peer} {name}: API {api[name]:.6g}, native {native[peer]:.6g}, classic {classic[peer]:.6g} in {low:g} to {high:g}"
        ratio = max(native[peer], api[name]) / min(native[peer], api[name])
        worst = max(worst, ratio)
        print(said)
        if ratio > WIDTH:
            sys.exit(print("farther apart than a native bucket is wide:", said) or 1)
        # A native bucket may reach over the bounds of the classic one.
        if not low <= classic[peer] <= high or not low / WIDTH <= api[name] <= high * WIDTH:
            sys.exit(print("not in the classic bucket:", said) or 1)
if not peers["c"]["p99"] < 0.003 < peers["b"]["p50"] < peers["b"]["p99"] / 1.2:
    sys.exit(print("not the spread that was made:", peers) or 1)
print(f"native by Prometheus and by the API: at most {100 * (worst - 1):.2f} % apart")
PYTHON
while read -r line; do note "$line"; done < "$SCRATCH/agreement"
for log in native classic; do
  ! grep -q . "$SCRATCH/$log.log" || fail "Prometheus complains: $(head -n 2 "$SCRATCH/$log.log")"
done
canary_stop a
