#!/usr/bin/env bash
# Without BPF, as nobody: probe by probe, our RTT and the residence time that was taken off it are the capture's round
# trip; beside the programs' RTT on the same wire; and no more of our own waiting is in it when we, or they who answer,
# have but 5 % of a CPU. Each tier answers the other's probes.
# Bar of time: see tests/e2e/run.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
need setpriv tshark stress-ng
PEERS=${PEERS:-20}
SECONDS_EACH=${SECONDS_EACH:-8}
# Wider than those of 201 and 210: a stamp of a socket is taken a few instructions nearer to the device than the
# capture's or a program's, and our reflector leaves its own sending in the RTT of others.
CAPTURE_P50_US=${CAPTURE_P50_US:-10}
CAPTURE_P99_US=${CAPTURE_P99_US:-100}
RATIO=${RATIO:-2}         # p50 of the sockets' RTT over the programs'
THROTTLED=${THROTTLED:-2} # p50 and p90 throttled over those idle

NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)

# --- a cgroup of 5 % of a CPU, of version 2 or 1
GROUP=
group_make() {
  local root
  for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -e "$root/cgroup.controllers" ] && grep -qw cpu "$root/cgroup.controllers" || continue
    grep -qw cpu "$root/cgroup.subtree_control" || echo +cpu > "$root/cgroup.subtree_control" 2> /dev/null || continue
    mkdir "$root/$PREFIX" 2> /dev/null && echo "5000 100000" > "$root/$PREFIX/cpu.max" && GROUP=$root/$PREFIX && return
  done
  root=/sys/fs/cgroup/cpu
  [ -e "$root/cpu.cfs_quota_us" ] || [ -e "$root/tasks" ] || skip "no cgroup with a CPU limit"
  mkdir "$root/$PREFIX" || skip "cannot make a cgroup"
  GROUP=$root/$PREFIX
  echo 100000 > "$GROUP/cpu.cfs_period_us"
  echo 5000 > "$GROUP/cpu.cfs_quota_us"
}
at_end() {
  [ -z "$GROUP" ] && return
  eventually 5 group_empty
  rmdir "$GROUP"
}
group_empty() {
  [ ! -s "$GROUP/cgroup.procs" ]
}
group_enter() {
  echo $$ > "$GROUP/cgroup.procs"
}
group_leave() {
  echo $$ > "$(dirname "$GROUP")/cgroup.procs"
}
group_make

quantile() { # SHARE, of the numbers on standard input
  sort -g | awk -v share="$1" '{ v[NR] = $1 } END { i = int(NR * share + 0.5); print v[i < 1 ? 1 : i] }'
}
ratio() { # NAME NAME SHARE: of RTTs
  awk -v a="$(quantile "$3" < "$SCRATCH/$1")" -v b="$(quantile "$3" < "$SCRATCH/$2")" 'BEGIN { print a / b }'
}

two_nodes
for node in a b; do in_ns "$node" sysctl -qw net.ipv4.ip_unprivileged_port_start=862; done
for ((i = 1; i <= PEERS; i++)); do
  echo "198.18.1.$i"
done > "$SCRATCH/peers"
sed 's|.*|address add &/16 dev eth0|' "$SCRATCH/peers" | in_ns b ip -batch -
in_ns a ip route add 198.18.1.0/24 dev eth0

launch() { # NS TIER THROTTLED OPTION…
  local timestamps=bpf
  CANARY_UNDER=()
  [ "$2" = bpf ] || { CANARY_UNDER=("${NOBODY[@]}") && timestamps=auto; }
  [ "$3" = "$1" ] && group_enter
  canary_launch "$1" --timestamps="$timestamps" "${@:4}"
  [ "$3" = "$1" ] && group_leave
  eventually 30 canary_answers "$1" || fail "kube-canary does not start in $1"
  assert_eq "$(value "$1" kube_canary_timestamps_info "timestamps=\"$2\"")" 1 "who stamps in $1"
}

run() { # NAME TIER-OF-A TIER-OF-B [a|b: is throttled]: RTTs in us into $SCRATCH/NAME
  local file
  rm -f "$SCRATCH/canary-a.log"
  launch b "$3" "${4:-}" --peers.static=198.18.0.1 --mesh.degree=0
  launch a "$2" "${4:-}" --peers.file="$SCRATCH/peers" --mesh.full-below="$PEERS" --probe.flows=1 \
    --probe.interval=250ms --log.level=debug # below what is reflected to one address in a second
  sleep "$SECONDS_EACH"
  # without the first rounds, in which neighbours are resolved
  sed -n 's/.*rtt_ns=\([0-9]*\) .*duplicate=0$/\1/p' "$SCRATCH/canary-a.log" | awk '{ print $1 / 1000 }' |
    tail -n "+$((3 * PEERS))" > "$SCRATCH/$1"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$1: lost"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$1: unstamped"
  eventually 5 invariant_holds a || fail "$1: sent is not the sum of the verdicts"
  note "$1: $(wc -l < "$SCRATCH/$1") RTTs, p50 $(quantile 0.5 < "$SCRATCH/$1") us, p90 $(quantile 0.9 < "$SCRATCH/$1") us," \
    "p99 $(quantile 0.99 < "$SCRATCH/$1") us"
  canary_stop a
  canary_stop b
}

run programs bpf bpf
ip netns exec "$PREFIX-a" tshark -q -i eth0 -f 'udp port 862' -w "$SCRATCH/capture" 2> "$SCRATCH/tshark.log" &
CAPTURE=$!
own_process "$CAPTURE"
eventually 20 test -s "$SCRATCH/capture" || fail "tshark captures nothing"
sleep 1
run sockets socket bpf
cp "$SCRATCH/canary-a.log" "$SCRATCH/sockets.log"
sleep 1
kill -INT "$CAPTURE"
wait "$CAPTURE" || true
run reflected bpf socket
run both socket socket
group_enter
stress-ng --cpu 1 --timeout 300 > /dev/null 2>&1 &
own_process $!
group_leave
run throttled socket bpf a
run throttled-reflector bpf socket b

# --- the referee: peer/sequence, and the round trip in ns
tshark -r "$SCRATCH/capture" -Y udp -d udp.port==862,twamp.test -T fields -e ip.src -e ip.dst -e twamp.test.seq_number \
  -e twamp.test.sender_seq_number -e udp.srcport -e frame.time_epoch 2> /dev/null |
  awk -F'\t' '{ split($6, t, "."); ns = (t[1] % 100000) * 1000000000 + t[2] }
       $5 != 862 { out[$2 "/" $3] = ns } $5 == 862 && (($1 "/" $4) in out) { printf "%s/%d %d\n", $1, $4, ns - out[$1 "/" $4] }' |
  sort > "$SCRATCH/referee"
sed -n 's/.* msg="\{0,1\}reply"\{0,1\} peer=\([0-9.]*\) .*sequence=\([0-9]*\) rtt_ns=\([0-9]*\) residence_ns=\([0-9]*\) .*duplicate=0$/\1\/\2 \3 \4/p' \
  "$SCRATCH/sockets.log" | awk '{ print $1, $2 + $3 }' | sort > "$SCRATCH/ours"
join "$SCRATCH/ours" "$SCRATCH/referee" | awk '{ d = $2 - $3; print (d < 0 ? -d : d) / 1000 }' > "$SCRATCH/differences"
note "difference to the capture over $(wc -l < "$SCRATCH/differences") probes: p50 $(quantile 0.5 < "$SCRATCH/differences") us," \
  "p99 $(quantile 0.99 < "$SCRATCH/differences") us"
assert_at_least "$(wc -l < "$SCRATCH/differences")" $((PEERS * SECONDS_EACH * 2)) "probes that both saw"
assert_between "$(quantile 0.5 < "$SCRATCH/differences")" 0 "$CAPTURE_P50_US" "median difference to the capture in us"
assert_between "$(quantile 0.99 < "$SCRATCH/differences")" 0 "$CAPTURE_P99_US" "p99 of the difference to the capture in us"

note "ratios to the programs' p50: sockets $(ratio sockets programs 0.5), reflected $(ratio reflected programs 0.5)," \
  "both $(ratio both programs 0.5); throttled to idle: p50 $(ratio throttled sockets 0.5), p90 $(ratio throttled sockets 0.9);" \
  "reflector: p50 $(ratio throttled-reflector reflected 0.5), p90 $(ratio throttled-reflector reflected 0.9)"
assert_between "$(ratio sockets programs 0.5)" 0 "$RATIO" "p50 by the sockets over that by the programs"
for share in 0.5 0.9; do
  assert_between "$(ratio throttled sockets $share)" 0 "$THROTTLED" "p$share throttled over idle"
done
