#!/usr/bin/env bash
# kube-canary ping says what ping(8) and the relay say, in the kernel's time, and is in nobody's way.
source "$(dirname "$0")/lib.sh"
need tshark ping strace

PING_OUT=$SCRATCH/ping
ping_run() { # STATUS OPTION…: its output into $PING_OUT
  local status=0
  timeout -s KILL 60 ip netns exec "$PREFIX-a" "$KUBE_CANARY" ping "${@:2}" > "$PING_OUT" 2> "$PING_OUT.err" || status=$?
  assert_eq "$status" "$1" "exit status of ping ${*:2}: $(cat "$PING_OUT" "$PING_OUT.err")"
}
said() { # PATTERN WHAT
  grep -qP -- "$1" "$PING_OUT" || fail "$2: no line like $1 in: $(tail -n 20 "$PING_OUT")"
}
replies() {
  grep -cP '^\d+ bytes from ' "$PING_OUT" || true
}
average_us() { # what: rtt or user
  awk -v what="$1" -F' = ' '$1 ~ "^" what { split($2, v, "/"); split($2, u, " "); f = u[2] ~ /^ms/ ? 1000 : u[2] ~ /^us/ ? 1 : 1000000; print v[2] * f; exit }' "$PING_OUT"
}
nothing_attached() { # WHAT
  no_tcx_programs a eth0 || fail "left attached after $1"
}
ended() { # PID
  eventually 5 process_ended "$1" || fail "ping does not end"
}
# Starts one in the background; its pid is that of its loader.
ping_start() { # OPTION…
  ip netns exec "$PREFIX-a" "$KUBE_CANARY" ping "$@" > "$PING_OUT" 2> "$PING_OUT.err" &
  PING=$!
  own_process "$PING"
}
has_replies() { # NUMBER
  [ "$(replies)" -ge "$1" ]
}

two_nodes
in_ns b ip address add 198.18.0.3/24 dev eth0

# --- who looks a name up has nothing to lose
strace -f -qq -e trace=setresuid,capset,openat,open -e signal=none -o "$SCRATCH/trace" ip netns exec "$PREFIX-a" \
  "$KUBE_CANARY" ping nobody.invalid > /dev/null 2>&1 || true
awk '/setresuid\(65534, 65534, 65534\) *= 0/ { left[$1] = 1 }
  /capset\(.*effective=0, permitted=0, inheritable=0/ { none[$1] = 1 }
  /\/etc\/(hosts|resolv.conf)"/ { seen++; if (!(left[$1] && none[$1])) privileged++ }
  END { exit !(seen && !privileged) }' "$SCRATCH/trace" || fail "looks names up with privileges, or not at all: $(grep /etc/ "$SCRATCH/trace")"

# --- what it refuses, before anything is done
while IFS='|' read -r options expected; do
  # shellcheck disable=SC2086 # words
  ping_run 2 $options
  grep -qF -- "$expected" "$PING_OUT.err" || fail "ping $options says: $(cat "$PING_OUT.err")"
  [ ! -s "$PING_OUT" ] || fail "ping $options begins to work"
done << 'END'
|a target is missing
-c 0 198.18.0.2|--count: got "0", expected a whole number from 1
-c x 198.18.0.2|--count: got "x"
-c 3x 198.18.0.2|--count: got "3x"
-c -3 198.18.0.2|--count: got "-3"
-c 99999999999 198.18.0.2|--count
-i 0.009 198.18.0.2|--interval: got "0.009", expected seconds from 0.01 to 3600
-i 0 198.18.0.2|--interval
-i nan 198.18.0.2|--interval
-i 1e3 198.18.0.2|--interval
-i . 198.18.0.2|--interval
-W 5 198.18.0.2|--timeout: got "5", expected seconds from 0.01 to 4
-W x 198.18.0.2|--timeout
-w 0 198.18.0.2|--deadline
-s 43 198.18.0.2|--size: got "43", expected a whole number from 44
-s 99999 198.18.0.2|--size
-T stamp -s 46 198.18.0.2|--size: STAMP is padded
-Q 256 198.18.0.2|--tos
-Q 1 198.18.0.2|--tos: got "1"
-Q xx 198.18.0.2|--tos
-M maybe 198.18.0.2|--pmtudisc: got "maybe", expected one of do|want|dont|probe
-T tcp 198.18.0.2|--protocol
--port=862 198.18.0.2|--port
--flows=2 198.18.0.2|--flows
-T stamp --flows=9 198.18.0.2|--flows: got "9", expected a whole number from 1 to 8
-T stamp --port=0 198.18.0.2|--port
--hook=xdp 198.18.0.2|--hook
-4 -6 198.18.0.2|--ipv6
-4 fd00:18::2|fd00:18::2
-Z 198.18.0.2|-Z
--nonsense 198.18.0.2|--nonsense
-c|-c
224.0.0.1|multicast
no-such-host.invalid|no-such-host.invalid
198.18.0.2 198.18.0.2|another target's
END
# shellcheck disable=SC2046 # words
ping_run 2 -c 1 $(seq -f '198.18.0.%g' 1 65)
grep -qF 'at most 64 targets' "$PING_OUT.err" || fail "65 targets: $(cat "$PING_OUT.err")"
ping_run 2 -c 1 198.18.0.1
grep -qF 'an address of this host' "$PING_OUT.err" || fail "own address: $(cat "$PING_OUT.err")"
status=0
in_ns a setpriv --bounding-set=-bpf,-sys_admin --reuid=65534 --clear-groups "$KUBE_CANARY" ping -c 1 198.18.0.2 > "$PING_OUT" 2>&1 || status=$?
assert_eq "$status" 2 "without privileges"
said 'needs CAP_BPF, CAP_NET_ADMIN' "without privileges"

# --- both families, sizes and flags on the wire, beside ping(8)
in_ns b timeout 20 tshark -l -i eth0 -c 12 -f 'icmp[0] == 8 or ip6[40] == 128' -T fields -e ip.dsfield.dscp -e ip.flags.df -e ip.len \
  -e ipv6.tclass.dscp -e ipv6.plen > "$SCRATCH/wire" 2> /dev/null &
TSHARK=$!
own_process "$TSHARK"
sleep 2
ping_run 0 -c 6 -i 0.05 -s 100 -Q 0xb8 -U 198.18.0.2 fd00:18::2
eventually 5 process_ended "$TSHARK" || true
assert_eq "$(replies)" 12 "replies of two targets"
said '^100 bytes from 198\.18\.0\.2: seq=6 ttl=64 time=[\d.]+ us user=[\d.]+ [um]s$' "line of a reply"
said '^6 sent, 6 received, 0% loss' "summary"
said '^rtt  min/avg/max/mdev = [\d./]+ us$' "figures"
said '^     p50/p90/p99 = [\d./]+ us$' "percentiles"
assert_at_least "$(average_us user)" "$(average_us rtt)" "user-space time"
assert_at_least "$(grep -cP '^46\t(1|True)\t128\t\t$' "$SCRATCH/wire")" 1 "IPv4 as told: $(cat "$SCRATCH/wire")"
assert_at_least "$(grep -cP '^\t\t\t46\t108$' "$SCRATCH/wire")" 1 "IPv6 as told: $(cat "$SCRATCH/wire")"
ours=$(average_us rtt)
theirs=$(in_ns a ping -q -c 20 -i 0.05 198.18.0.2 | awk -F'[/=]' '/^rtt/ { print $6 * 1000 }')
note "average: ours $ours us, with the user's time $(average_us user) us, ping(8) $theirs us"
ping_run 0 -q -c 2 -i 0.01 198.18.0.2
assert_eq "$(replies)" 0 "lines with -q"
said '^2 sent, 2 received' "summary with -q"
ping_run 0 -c 2 -i 0.01 -D 198.18.0.2
said '^\[\d{10}\.\d{6}\] 44 bytes from' "date"
nothing_attached "its end"

# --- some answer, some do not
ping_run 1 -c 2 -i 0.1 -W 0.3 198.18.0.2 198.18.0.77
said '^To 198\.18\.0\.77: seq=1 unreachable' "dead neighbour"
said '^2 sent, 0 received, 100% loss' "dead target"
said '^2 sent, 2 received, 0% loss' "living target"
# Of its neighbour's end the kernel tells three seconds late: what was judged by then is not judged again.
ping_run 1 -c 5 -i 1 -W 0.2 -v 198.18.0.79
assert_eq "$(grep -oP 'seq=\d+' "$PING_OUT" | sort | uniq -d)" "" "probes told of twice"
said ' [1-9][0-9]* ICMP error' "the words that came late, counted"
ping_run 2 -c 1 203.0.113.1
said 'not sent: Network .*unreachable' "no route" # musl has another word less
in_ns a ip route add 203.0.113.0/24 via 198.18.0.2
in_ns b sysctl -qw net.ipv4.ip_forward=1
ping_run 1 -c 2 -i 0.2 -W 0.3 203.0.113.1
said '^From 198\.18\.0\.2 about 203\.0\.113\.1: seq=1 network unreachable$' "router's word"
said '2 ICMP errors' "router's words counted"

# --- what cannot be told is no success
for options in "-c 1" "-q -c 1"; do
  status=0
  # shellcheck disable=SC2086 # words
  in_ns a "$KUBE_CANARY" ping $options 198.18.0.2 > /dev/full 2> "$PING_OUT.err" || status=$?
  assert_eq "$status" 2 "ping $options into a full disk"
  grep -qF 'could not be written' "$PING_OUT.err" || fail "ping $options does not tell that its output is lost: $(cat "$PING_OUT.err")"
done

# --- who started it hears nothing, and the terminal obeys no name
python3 -c '
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
manager.settimeout(60)
while True:
    print(manager.recv(4096), flush=True)' "$SCRATCH/manager" > "$SCRATCH/notices" 2> /dev/null &
own_process $!
eventually 5 [ -S "$SCRATCH/manager" ] || fail "nobody listens"
NOTIFY_SOCKET=$SCRATCH/manager ping_run 0 -c 2 -i 0.1 198.18.0.2
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"heard", sys.argv[1])' "$SCRATCH/manager"
eventually 5 grep -q heard "$SCRATCH/notices" || fail "the manager hears nothing"
assert_eq "$(cat "$SCRATCH/notices")" "b'heard'" "what the manager heard"
red=$'q\e[31mz'
in_ns a ip link add "$red" type veth peer name red1
in_ns a ip link set "$red" up
in_ns a ip address add 192.0.2.1/24 dev "$red"
in_ns a tc qdisc add dev "$red" ingress
ping_run 2 --hook=clsact -c 1 -W 0.2 192.0.2.7
grep -qF 'cannot attach to q\u001b[31mz' "$PING_OUT.err" || fail "does not name the interface: $(cat -v "$PING_OUT.err")"
! grep -q $'\e' "$PING_OUT.err" || fail "an escape of an interface's name"
in_ns a ip link delete "$red"

# --- do not fragment
in_ns a ip route add 198.18.0.3 dev eth0 mtu 1300
ping_run 2 -c 2 -i 0.1 -s 1400 -M 'do' 198.18.0.3
said 'seq=2 not sent: Message too l' "-M do"
ping_run 0 -c 2 -i 0.1 -s 1400 -M probe 198.18.0.3
ping_run 2 -c 1 -s 1473 198.18.0.2
said 'not sent: Message too l' "larger than the link"
# What leaves in fragments is not stamped, which is not for want of a program.
for size in 1472 1473; do
  ping_run $((size > 1472)) -c 1 -s $size -M dont 198.18.0.2
  ! grep -q 'no program' "$PING_OUT" || fail "-M dont of $size octets: $(cat "$PING_OUT")"
done
said 'seq=1 no stamp: it left in fragments' "-M dont, larger than the link"
ping_run 1 -c 1 -s 1300 -M want 198.18.0.3
said 'seq=1 no stamp: it left in fragments' "-M want, larger than the route"
ping_run 0 -c 1 -s 1272 -M want 198.18.0.3

# --- the terminal's signals
ping_start -i 0.05 198.18.0.2
eventually 5 has_replies 5 || fail "no replies: $(cat "$PING_OUT.err")"
kill -QUIT "$(child_of "$PING")" "$PING"
eventually 3 grep -qP '^198\.18\.0\.2: \d+/\d+ packets, 0% loss, min/avg/ewma/max = ' "$PING_OUT.err" || fail "no interim line"
kill -INT "$(child_of "$PING")" "$PING"
ended "$PING"
wait "$PING" || fail "exit status after SIGINT"
said '^\d+ sent, \d+ received, 0% loss' "summary after SIGINT"
nothing_attached SIGINT
ping_run 0 -w 0.5 -i 0.1 198.18.0.2
assert_between "$(replies)" 1 5 "replies within 0.5 s, one each 0.1 s"
assert_between "$(sed -n 's/^.*sent,.* \([0-9.]*\) ms$/\1/p' "$PING_OUT")" 0 1000 "milliseconds with -w 0.5"
ping_run 1 -w 0.3 -c 100 -i 0.1 198.18.0.2
ping_start -i 0.05 198.18.0.2
eventually 5 has_replies 2 || fail "no replies"
kill -KILL "$PING"
ended "$PING"
wait "$PING" 2> /dev/null || true
eventually 3 no_tcx_programs a eth0 || fail "left attached after SIGKILL"
ip netns exec "$PREFIX-a" "$KUBE_CANARY" ping -i 0.01 198.18.0.2 2> /dev/null | head -n 3 > "$PING_OUT" &
PING=$!
own_process "$PING"
ended "$PING" # nobody reads any more

# --- beside a running daemon, on the same interface, by both protocols and both hooks
for hook in tcx clsact; do
  protocol=icmp
  [ "$hook" = tcx ] && protocol=stamp
  canaries_start --probe.interval=20ms --probe.protocol="$protocol" --bpf.hook="$hook"
  eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "the daemon does not measure"
  ping_run 0 -c 20 -i 0.02 --hook="$hook" 198.18.0.2
  said '^20 sent, 20 received, 0% loss' "ICMP beside the daemon ($hook)"
  ping_run 0 -c 24 -i 0.02 -T stamp --flows=3 --hook="$hook" 198.18.0.2
  said '^24 sent, 24 received, 0% loss' "STAMP beside the daemon ($hook)"
  assert_eq "$(grep -oP 'port=\K\d+' "$PING_OUT" | sort -u | wc -l)" 3 "source ports ($hook)"
  ping_start -i 0.02 --hook="$hook" 198.18.0.2
  eventually 5 has_replies 5 || fail "no replies ($hook)"
  kill -KILL "$PING"
  wait "$PING" 2> /dev/null || true
  sleep 0.5
  ping_run 0 -c 10 -i 0.02 -T stamp --hook="$hook" 198.18.0.2
  file=$(scrape a)
  for name in lost unstamped duplicate late refused; do
    assert_eq "$(metric "$file" "kube_canary_probes_${name}_total")" 0 "the daemon's $name ($hook)"
  done
  assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 "replies that the daemon rejected ($hook)"
  assert_invariant "$file"
  before=$(value a kube_canary_probes_returned_total)
  eventually 5 at_least $((before + 10)) a kube_canary_probes_returned_total || fail "the daemon stopped measuring ($hook)"
  canary_stop a
  canary_stop b
done

# --- delay, loss, duplicates, late replies: the relay's counts
at_relay() { # NAME…: their sum
  local sum=0 name
  for name in "$@"; do
    sum=$((sum + $(relay_count "$name")))
  done
  echo "$sum"
}
two_nodes_and_relay_again() {
  local name
  for name in a b; do
    ip netns delete "$PREFIX-$name"
  done
  # shellcheck disable=SC2034 # of the library
  NAMESPACES=()
  two_nodes_and_relay
}
two_nodes_and_relay_again
relay_start --delay-us 1000 --duplicate-percent 10 --loss-forward 5 --loss-backward 5 --frames 300
ping_run 0 -c 300 -i 0.01 -W 0.2 198.18.0.2
lost=$(at_relay left_requests_lost left_replies_lost)
said "^300 sent, $((300 - lost)) received, " "loss as the relay's $lost"
assert_eq "$(grep -c '^No answer from 198.18.0.2: seq=[0-9]* within 200.0 ms$' "$PING_OUT")" "$lost" "lines of losses"
assert_at_least "$lost" 5 "injected losses"
duplicated=$(at_relay left_replies_duplicated)
said ", $duplicated duplicates, " "duplicates as the relay's $duplicated"
assert_eq "$(grep -c ' duplicate$' "$PING_OUT")" "$duplicated" "lines of duplicates"
relay_stop
ours=$(average_us rtt)
relay_start --delay-us 1000
theirs=$(in_ns a ping -q -c 50 -i 0.02 198.18.0.2 | awk -F'[/=]' '/^rtt/ { print $6 * 1000 }')
relay_stop
assert_between "$ours" 1000 "$(awk -v x="$theirs" 'BEGIN { print x + 500 }')" "average through the relay, beside ping(8)'s $theirs"
note "through a relay of 1 ms: ours $ours us, ping(8) $theirs us; lost $lost, duplicates $duplicated of 300"
relay_start --delay-us 1000 --late-every 10 --late-us 150000
ping_run 0 -c 60 -i 0.01 -W 0.1 198.18.0.2
said '^From 198\.18\.0\.2: seq=\d+ late: answered after more than 100\.0 ms$' "late replies"
relay_stop
