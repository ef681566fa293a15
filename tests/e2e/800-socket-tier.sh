#!/usr/bin/env bash
# Without BPF, without any capability, as nobody: three nodes measure each other by their sockets' own stamps and answer
# each other; losses are what the relay took, exactly, and on the way that it took them; a peer that ends is refused; a
# clock that is set leaves no wrong time; and whatever is started so falls back by itself, or says what it wants.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"
need setpriv

NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
FRAMES=${FRAMES:-1000}

open_port() { # NS…: the port of STAMP takes a capability elsewhere
  local ns
  for ns in "$@"; do
    in_ns "$ns" sysctl -qw net.ipv4.ip_unprivileged_port_start=862
  done
}

# --- a mesh of three

nodes_on_bridge a b c
open_port a b c
CANARY_UNDER=("${NOBODY[@]}")
for node in a b c; do
  canary_start "$node" --node.name="node-$node" --peers.file="$SCRATCH/peers" --probe.interval=50ms \
    --probe.timeout=500ms --timestamps=socket
done
for node in a b c; do
  for pid in "${LOADER[$node]}" "$(canary_pid "$node")"; do
    for set in CapPrm CapEff CapBnd CapAmb; do
      assert_eq "$(awk -v name="$set:" '$1 == name { print $2 }' "/proc/$pid/status")" 0000000000000000 "$set in $node"
    done
    assert_eq "$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")" 65534 "uid in $node"
    assert_eq "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$pid/status")" 2 "seccomp in $node"
  done
  for peer in a b c; do
    for family in v4 v6; do
      [ "$peer" = "$node" ] || eventually 20 at_least 20 "$node" kube_canary_rtt_seconds_count "peer=\"$peer-$family\"" ||
        fail "$node does not measure $peer-$family"
    done
  done
done
for node in a b c; do
  file=$(scrape "$node")
  for name in probes_lost probes_unstamped replies_rejected send_errors; do # refused are those to whom was not up yet
    assert_eq "$(metric "$file" "kube_canary_${name}_total")" 0 "$name of $node"
  done
  assert_eq "$(metric "$file" kube_canary_timestamps_info 'timestamps="socket"')" 1 "who stamps in $node"
  assert_eq "$(metric "$file" kube_canary_attached 'mode="socket"')" 2 "what stamps in $node"
  assert_at_least "$(metric "$file" kube_canary_reflected_total)" 80 "reflected by $node"
  assert_invariant "$file"
  assert_eq "$(http_get "$node" /-/ready > /dev/null && echo yes)" yes "readiness of $node"
  assert_eq "$(http_get "$node" /api/v1/status | grep -o '"timestamps":"[a-z]*"')" '"timestamps":"socket"' "API of $node"
done
assert_eq "$(grep -c 'msg="measuring".*timestamps=socket' "$SCRATCH/canary-a.log")" 1 "what the log says"

# --- a peer that is killed: refused, and nobody else's matter

kill -KILL "${LOADER[c]}"
for node in a b; do
  eventually 10 at_least 40 "$node" kube_canary_probes_refused_total || fail "$node: the killed one is not refused"
  file=$(scrape "$node")
  assert_between "$(metric "$file" kube_canary_probes_lost_total)" 0 4 "$node: lost when c was killed"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$node: unstamped"
  assert_invariant "$file"
done
for node in a b; do canary_stop "$node"; done
for name in a b c net; do ip netns delete "$PREFIX-$name"; done

# --- losses, and on which way

lossy() { # NAME OPTION…
  local file lost forward backward unknown
  two_nodes_and_relay
  open_port a b
  relay_start --delay-us 1000 --frames "$FRAMES" "${@:2}"
  canary_start b --node.name=node-b --mesh.degree=0 --peers.static=198.18.0.1 --peers.static=fd00:18::1 --timestamps=socket
  canary_start a --node.name=node-a --peers.static=198.18.0.2 --peers.static=fd00:18::2 --timestamps=socket \
    --probe.interval=10ms --probe.timeout=200ms
  eventually 60 relay_saw $((FRAMES + 100)) left_replies || fail "$1: too few probes"
  sleep 1
  file=$(scrape a)
  lost=$(metric "$file" kube_canary_probes_lost_total)
  forward=$(metric "$file" kube_canary_probes_lost_forward_total)
  backward=$(metric "$file" kube_canary_probes_lost_backward_total)
  assert_eq "$lost" $(($(relay_count left_requests_lost) + $(relay_count left_replies_lost) + \
    $(relay_count left_requests_corrupted) + $(relay_count left_replies_corrupted))) "$1: lost"
  assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" "$(relay_count left_replies_duplicated)" "$1: duplicates"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$1: unstamped"
  assert_invariant "$file"
  unknown=$((lost - forward - backward))
  assert_between "$unknown" 0 $((lost / 20 + 3)) "$1: of unknown direction"
  note "$1: lost $lost = forward $forward + backward $backward + unknown $unknown, relay" \
    "$(relay_count left_requests_lost) + $(relay_count left_replies_lost) lost, $(relay_count left_replies_corrupted) corrupted;" \
    "duplicates $(metric "$file" kube_canary_probes_duplicate_total)"
  if [ "$(relay_count left_replies_corrupted)" = 0 ]; then
    assert_between "$forward" $(($(relay_count left_requests_lost) - unknown)) "$(relay_count left_requests_lost)" "$1: forward"
    assert_between "$backward" $(($(relay_count left_replies_lost) - unknown)) "$(relay_count left_replies_lost)" "$1: backward"
  fi
  canary_stop a
  canary_stop b
  relay_stop
  for name in a b r; do ip netns delete "$PREFIX-$name"; done
}
lossy "a fifth lost there and back" --loss-forward 11 --loss-backward 10
lossy "duplicates and corrupt replies" --duplicate-percent 5 --corrupt-percent 5

# --- what is refused, and how it is said

two_nodes
CANARY_UNDER=("${NOBODY[@]}")
in_ns a sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
refuses() { # STATUS WORDS OPTION…
  local status=0
  in_ns a timeout 10 "${NOBODY[@]}" "$KUBE_CANARY" "${@:3}" > "$SCRATCH/words.log" 2>&1 || status=$?
  assert_eq "$status" "$1" "exit status with ${*:3}"
  grep -q -- "$2" "$SCRATCH/words.log" || fail "with ${*:3} nobody says \"$2\": $(cat "$SCRATCH/words.log")"
}
refuses 1 'stamp.port.*CAP_NET_BIND_SERVICE' --probe.protocol=stamp --timestamps=socket
refuses 2 'probe.protocol.*timestamps=socket' --probe.protocol=icmp --timestamps=socket --stamp.port=8620
refuses 1 'without BPF only STAMP' --probe.protocol=icmp --stamp.port=8620
refuses 1 'start-up was not permitted' --timestamps=bpf --stamp.port=8620
in_ns a ip link set lo down
refuses 1 'loopback device' --timestamps=socket --stamp.port=8620
in_ns a ip link set lo up
ip netns exec "$PREFIX-a" python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 8620)); time.sleep(20)' &
own_process $!
eventually 5 eval 'in_ns a ss -Hlun | grep -q :8620'
refuses 1 'stamp.port: another program has it' --timestamps=socket --stamp.port=8620
kill $!

# --- by itself, where BPF is refused; a peer that only ICMP could measure is named, and no other suffers

printf '198.18.0.2 b\n198.18.0.77 other probe=icmp\n' > "$SCRATCH/peers"
canary_start b --peers.static=198.18.0.1 --stamp.port=8620 --probe.interval=50ms
canary_start a --peers.file="$SCRATCH/peers" --stamp.port=8620 --probe.interval=50ms
eventually 10 at_least 20 a kube_canary_rtt_seconds_count 'peer="b"' || fail "nothing is measured without privilege"
assert_eq "$(grep -c 'BPF is refused' "$SCRATCH/canary-a.log")" 1 "lines about the fall"
grep -q 'BPF is refused.* options_dropped=none' "$SCRATCH/canary-a.log" || fail "options are dropped that nobody gave"
assert_eq "$(grep -c 'cannot be measured.*198.18.0.77' "$SCRATCH/canary-a.log")" 1 "lines about the peer by ICMP"
assert_eq "$(value a kube_canary_probes_sent_total 'peer="other"')" 0 "probes by ICMP"
assert_at_least "$(value a kube_canary_send_errors_total)" 10 "probes by ICMP that were not sent"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
canary_start a --peers.static=198.18.0.2 --stamp.port=8620 --bpf.interfaces=eth0 --bpf.hook=xdp
grep -q 'BPF is refused.* options_dropped="--bpf.hook, --bpf.interfaces"' "$SCRATCH/canary-a.log" || fail "drops options silently"
canary_stop a
canary_stop b
