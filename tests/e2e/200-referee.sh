#!/usr/bin/env bash
# A capture on the very veth is the referee: probe by probe, our RTT is the capture's, within the few
# microseconds that lie between tc and the tap.
# Bar of time: see tests/e2e/run.
source "$(dirname "$0")/lib.sh"
need tshark
PROBES=${PROBES:-2000}

two_nodes
ip netns exec "$PREFIX-a" tshark -q -i eth0 -f icmp -w "$SCRATCH/capture" 2> "$SCRATCH/tshark.log" &
CAPTURE=$!
own_process "$CAPTURE"
eventually 20 test -s "$SCRATCH/capture" || fail "tshark captures nothing"
sleep 1
canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --log.level=debug
eventually 120 at_least "$PROBES" a kube_canary_probes_returned_total || fail "no replies"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
sleep 1
kill -INT "$CAPTURE"
wait "$CAPTURE" || true

# sequence, round trip in ns; sequences of ICMP are of 16 bits, so is what the log tells
tshark -r "$SCRATCH/capture" -Y icmp -T fields -e icmp.seq -e icmp.type -e frame.time_epoch 2> /dev/null |
  awk '{ split($3, t, "."); ns = (t[1] % 100000) * 1000000000 + t[2] }
       $2 == 8 { out[$1] = ns } $2 == 0 && ($1 in out) { printf "%d %d\n", $1, ns - out[$1] }' |
  sort -n > "$SCRATCH/referee"
sed -n 's/.* msg="\{0,1\}reply"\{0,1\} .*sequence=\([0-9]*\) rtt_ns=\([0-9]*\) duplicate=0$/\1 \2/p' "$SCRATCH/canary-a.log" |
  sort -n > "$SCRATCH/ours"

# join wants one order for both: by text
join <(sort "$SCRATCH/ours") <(sort "$SCRATCH/referee") |
  awk '{ d = $2 - $3; print (d < 0 ? -d : d) / 1000, $2 / 1000, $3 / 1000 }' | sort -n > "$SCRATCH/differences"
count=$(wc -l < "$SCRATCH/differences")
assert_at_least "$count" "$((PROBES * 99 / 100))" "probes that both saw"
quantile() { # FILE COLUMN SHARE
  sort -n -k "$2,$2" "$1" | awk -v column="$2" -v share="$3" '{ v[NR] = $column }
    END { i = int(NR * share + 0.5); print v[i < 1 ? 1 : i] }'
}
median=$(quantile "$SCRATCH/differences" 1 0.5)
p99=$(quantile "$SCRATCH/differences" 1 0.99)
note "difference over $count probes: median $median us, p99 $p99 us (RTT p50: ours $(quantile "$SCRATCH/differences" 2 0.5) us," \
  "capture $(quantile "$SCRATCH/differences" 3 0.5) us)"
assert_between "$median" 0 5 "median absolute difference in us"
assert_between "$p99" 0 50 "p99 of the absolute difference in us"
