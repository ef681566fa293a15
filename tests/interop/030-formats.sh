#!/usr/bin/env bash
# The exposition in each format by tools that nobody here wrote: promtool is silent about the text, Prometheus's Python
# parser takes the OpenMetrics form, protoc reads the messages as the golden file has them, and a real Prometheus
# stores native histograms from them.
source "$(dirname "$0")/../e2e/lib.sh"
source "$(dirname "$0")/../e2e/prometheus.sh"
need promtool protoc jq curl
/usr/bin/python3 -c 'import prometheus_client' 2> /dev/null || skip "python3-prometheus-client is not installed"

dump=$BUILD/tests/bench/metrics_dump
[ -x "$dump" ] || skip "make tools has not been run"
cd "$TOP"

"$dump" text 2> /dev/null > "$SCRATCH/metrics"
words=$(promtool check metrics < "$SCRATCH/metrics" 2>&1) || fail "promtool: $words"
assert_eq "$words" "" "words of promtool"

"$dump" openmetrics 2> /dev/null > "$SCRATCH/openmetrics"
words=$(/usr/bin/python3 - "$SCRATCH/openmetrics" 2>&1 << 'PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
families = list(parse(open(sys.argv[1]).read()))
print(len(families), "families,", sum(len(family.samples) for family in families), "samples")
PYTHON
) || fail "Python's OpenMetrics parser: $words"
note "$words by Python's OpenMetrics parser"

"$dump" protobuf 2> /dev/null > "$SCRATCH/protobuf"
# A tag before each message makes one message of the stream; and each metric has a message of its own, as in the golden
# file: how many share one depends on the blocks.
/usr/bin/python3 - "$SCRATCH/protobuf" > "$SCRATCH/scrape" << 'PYTHON'
import sys
METRIC = b"\x22"  # field 4, a message

def varint(octets, at):
    value, shift = 0, 0
    while octets[at] >= 128:
        value, shift, at = value | (octets[at] & 127) << shift, shift + 7, at + 1
    return value | octets[at] << shift, at + 1

def encode(value):
    return bytes([value & 127 | 128]) + encode(value >> 7) if value >= 128 else bytes([value])

stream, at = open(sys.argv[1], "rb").read(), 0
while at < len(stream):
    length, at = varint(stream, at)
    message, at = stream[at:at + length], at + length
    head, metrics, field = b"", [], 0
    while field < len(message):
        value, end = varint(message, field + 1)
        end += value if message[field] & 7 == 2 else 0
        if message[field:field + 1] == METRIC:
            metrics.append(message[field:end])
        else:
            head += message[field:end]
        field = end
    for metric in metrics:
        sys.stdout.buffer.write(b"\x0a" + encode(len(head + metric)) + head + metric)
PYTHON
protoc --decode=io.prometheus.client.Scrape -I tests/interop tests/interop/metrics.proto < "$SCRATCH/scrape" \
  > "$SCRATCH/decoded" || fail "protoc does not read it"
diff "$SCRATCH/decoded" tests/golden/metrics.protobuf.txt > "$SCRATCH/difference" ||
  fail "protoc reads something else: $(head -n 3 "$SCRATCH/difference")"
note "$(grep -c '^family' "$SCRATCH/decoded") metrics by protoc as the golden file has them"

# Scraped as it stands: what is stored of native histograms agrees with what the text says.
namespace a
cat > "$SCRATCH/serve.py" << 'PYTHON'
import http.server, sys
body = open(sys.argv[1], "rb").read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.google.protobuf; "
                         "proto=io.prometheus.client.MetricFamily; encoding=delimited")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", 10862), Handler).serve_forever()
PYTHON
ip netns exec "$PREFIX-a" /usr/bin/python3 "$SCRATCH/serve.py" "$SCRATCH/protobuf" 2> "$SCRATCH/serve.log" &
own_process $!
prometheus_start prometheus 9090 --enable-feature=native-histograms
query() {
  in_ns a curl -sf --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[] | .value[1]'
}
is_up() { [ "$(query 'up{job="kube-canary"}')" = 1 ]; }
eventually 30 is_up || fail "the scrape is not accepted"
for series in 'rtt_seconds{peer="node-1"}' 'rtt_seconds{peer="left"}' 'zone_rtt_seconds{peer_zone="zone-b"}'; do
  name=kube_canary_${series%%\{*} labels=${series#*\{}
  for part in count sum; do
    said=$(grep -F "${name}_$part{$labels " "$SCRATCH/metrics" | cut -d' ' -f2)
    awk -v a="$said" -v b="$(query "histogram_$part(kube_canary_$series)")" \
      'BEGIN { exit !(b != "" && a - b <= 1e-12 * a && b - a <= 1e-12 * a) }' ||
      fail "$series: $part is stored as $(query "histogram_$part(kube_canary_$series)"), not $said"
  done
done
# The median of node-1's samples is 10 ms, and a native bucket is 9 % wide.
median=$(query 'histogram_quantile(0.5, kube_canary_rtt_seconds{peer="node-1"})')
assert_between "$median" 0.0092 0.0102 "median of node-1"
assert_eq "$(query 'kube_canary_probes_sent_total{peer="left"}')" 601 "a counter"
! grep -v '^$' "$SCRATCH/prometheus.log" | grep -q . || fail "Prometheus complains: $(head -n 2 "$SCRATCH/prometheus.log")"
note "a real Prometheus stores native histograms: counts and sums as in the text, median of node-1 $median s"
