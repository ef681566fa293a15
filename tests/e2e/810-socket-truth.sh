#!/usr/bin/env bash
# Without BPF, as nobody: probe by probe, our RTT and the residence time that was taken off it are the capture's round
# trip; beside the programs' RTT on the same wire; and no more of our own waiting is in it when we, or they who answer,
# have but 5 % of a CPU. Each tier answers the other's probes.
# Bar of time: see tests/e2e/run.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/figures.sh"
source "$(dirname "$0")/throttle.sh"
source "$(dirname "$0")/referee.sh"
need setpriv
PEERS=${PEERS:-20}
SECONDS_EACH=${SECONDS_EACH:-8}
# Wider than those of 201 and 210: a stamp of a socket is taken a few instructions nearer to the device than the
# capture's or a program's, and our reflector leaves its own sending in the RTT of others.
CAPTURE_P50_US=${CAPTURE_P50_US:-10}
CAPTURE_P99_US=${CAPTURE_P99_US:-100}
RATIO=${RATIO:-2}         # p50 of the sockets' RTT over the programs'
THROTTLED=${THROTTLED:-2} # p50 and p90 throttled over those idle

NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)

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
  rtts_us a | tail -n "+$((3 * PEERS))" > "$SCRATCH/$1"
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
capture_start 'udp port 862'
run sockets socket bpf
capture_stop
referee stamp
run reflected bpf socket
run both socket socket
group_hog
run throttled socket bpf a
run throttled-reflector bpf socket b

assert_refereed $((PEERS * SECONDS_EACH * 2)) "$CAPTURE_P50_US" "$CAPTURE_P99_US"

note "ratios to the programs' p50: sockets $(ratio sockets programs 0.5), reflected $(ratio reflected programs 0.5)," \
  "both $(ratio both programs 0.5); throttled to idle: p50 $(ratio throttled sockets 0.5), p90 $(ratio throttled sockets 0.9);" \
  "reflector: p50 $(ratio throttled-reflector reflected 0.5), p90 $(ratio throttled-reflector reflected 0.9)"
assert_between "$(ratio sockets programs 0.5)" 0 "$RATIO" "p50 by the sockets over that by the programs"
for share in 0.5 0.9; do
  assert_between "$(ratio throttled sockets $share)" 0 "$THROTTLED" "p$share throttled over idle"
done
