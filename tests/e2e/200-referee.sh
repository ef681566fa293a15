#!/usr/bin/env bash
# A capture on the very veth is the referee: probe by probe, our RTT is the capture's, within the few
# microseconds that lie between tc and the tap.
# Bar of time: see tests/e2e/run.
source "$(dirname "$0")/lib.sh"
need tshark
PROBES=${PROBES:-1000}
PEERS=${PEERS:-10}

two_nodes
ip netns exec "$PREFIX-a" tshark -q -i eth0 -f icmp -w "$SCRATCH/capture" 2> "$SCRATCH/tshark.log" &
CAPTURE=$!
own_process "$CAPTURE"
eventually 20 test -s "$SCRATCH/capture" || fail "tshark captures nothing"
sleep 1
peers=()
for ((i = 1; i <= PEERS; i++)); do
  in_ns b ip address add "198.18.0.$((i + 100))/24" dev eth0
  peers+=("--peers.static=198.18.0.$((i + 100))")
done
canary_start a "${peers[@]}" --probe.interval=100ms --log.level=debug
eventually 120 at_least "$PROBES" a kube_canary_probes_returned_total || fail "no replies"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
sleep 1
kill -INT "$CAPTURE"
wait "$CAPTURE" || true

# peer/sequence, round trip in ns
tshark -r "$SCRATCH/capture" -Y icmp -T fields -e ip.src -e ip.dst -e icmp.seq -e icmp.type -e frame.time_epoch 2> /dev/null |
  awk '{ split($5, t, "."); ns = (t[1] % 100000) * 1000000000 + t[2] }
       $4 == 8 { out[$2 "/" $3] = ns } $4 == 0 && (($1 "/" $3) in out) { printf "%s/%d %d\n", $1, $3, ns - out[$1 "/" $3] }' \
    > "$SCRATCH/referee"
sed -n 's/.* msg="\{0,1\}reply"\{0,1\} peer=\([0-9.]*\) .*sequence=\([0-9]*\) rtt_ns=\([0-9]*\) .*duplicate=0$/\1\/\2 \3/p' \
  "$SCRATCH/canary-a.log" > "$SCRATCH/ours"

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
