#!/usr/bin/env bash
# What the loader does when its surroundings are unkind, or its canary is: signals while it starts, no standard
# descriptors, names and priorities that are taken, an interface renamed, pins of others, words that would make
# a device flap.
source "$(dirname "$0")/lib.sh"
need bpftool jq python3 setpriv unshare

two_nodes
start() { # HOOK OPTION…
  canary_start a --peers.static=b=198.18.0.2 --probe.interval=10ms --probe.timeout=100ms --bpf.hook="$1" "${@:2}"
}
filters() { in_ns a tc filter show dev eth0 "$1" 2> /dev/null | sed -n 's/.* name \(kc_[a-z]*\) .*/\1/p'; }
log_says() { grep -q "$1" "$SCRATCH/canary-a.log"; }
fresh_log() { : > "$SCRATCH/canary-a.log"; }

# As process 1 of a container: SIGTERM at any moment of the start ends it, cleanly.
is_ours() { [ "$(cat "/proc/$1/comm" 2> /dev/null)" = kube-canary ]; }
child_is_ours() { is_ours "$(child_of "$1" 2> /dev/null)"; }
for ms in 020 050 100 150 300; do
  ip netns exec "$PREFIX-a" unshare -pf --mount-proc --kill-child "$KUBE_CANARY" --peers.static=b=198.18.0.2 \
    2>> "$SCRATCH/canary-a.log" &
  outer=$!
  own_process "$outer"
  eventually 3 child_is_ours "$outer" || fail "kube-canary does not start as process 1"
  sleep "0.$ms"
  kill -TERM "$(child_of "$outer")"
  eventually 4 process_ended "$outer" || fail "SIGTERM after $ms ms is lost"
  status=0
  wait "$outer" || status=$?
  assert_eq "$status" 0 "exit status after SIGTERM at $ms ms"
done

# Without standard descriptors none of ours gets their numbers.
ip netns exec "$PREFIX-a" "$KUBE_CANARY" --peers.static=b=198.18.0.2 <&- >&- 2>&- &
LOADER[a]=$!
own_process "${LOADER[a]}"
eventually 5 canary_answers a || fail "does not start without standard descriptors"
for pid in "${LOADER[a]}" "$(canary_pid a)"; do
  for fd in 0 1 2; do
    assert_eq "$(stat -Lc %t:%T "/proc/$pid/fd/$fd")" 1:3 "descriptor $fd of process $pid, not /dev/null"
  done
done
# Nobody may look into the loader, not even of the same uid; and the canary keeps no map as a descriptor.
assert_eq "$(setpriv --bounding-set=-all --inh-caps=-all head -c 1 "/proc/${LOADER[a]}/environ" 2>&1 | grep -c denied)" 1 \
  "refusals to look into the loader"
canary=$(canary_pid a)
assert_eq "$(find "/proc/$canary/fd" -lname '*bpf*' | wc -l)" 0 "BPF descriptors of the canary"
canary_stop a

# The ingress qdisc has clsact's place, and would take our egress filter for ingress.
in_ns a tc qdisc add dev eth0 ingress
fresh_log
start clsact
eventually 3 log_says 'an ingress qdisc' || fail "nothing is said of the ingress qdisc"
assert_eq "$(value a kube_canary_attached)" 0 "directions attached beside an ingress qdisc"
assert_eq "$(filters ingress)$(filters egress)" "" "filters in an ingress qdisc"
in_ns a tc qdisc del dev eth0 ingress
eventually 5 equals 2 a kube_canary_attached || fail "not attached after the ingress qdisc left"
canary_stop a

# Priority 1 is taken: at ingress by another protocol, at egress by another kind of filter. Neither matches.
in_ns a tc filter add dev eth0 ingress prio 1 protocol ip u32 match u32 1 0xffffffff
in_ns a tc filter add dev eth0 egress prio 1 protocol all u32 match u32 1 0xffffffff
start clsact
eventually 5 equals 2 a kube_canary_attached || fail "not attached where priority 1 is taken"
eventually 5 at_least 20 a kube_canary_probes_returned_total || fail "not measured where priority 1 is taken"
assert_eq "$(filters ingress) $(filters egress)" "kc_ingress kc_egress" "filters"
canary_stop a
assert_eq "$(filters ingress)$(filters egress)" "" "filters of ours after the end"
for direction in ingress egress; do
  assert_at_least "$(in_ns a tc filter show dev eth0 $direction | grep -c 'pref 1 u32')" 1 "the neighbour's filter at $direction"
  in_ns a tc filter del dev eth0 $direction
done

# All names of instances are taken, which any user can do: it runs none the less, and says so. What it leaves when it is
# killed is not ours to remove, as its handle is nobody's for sure.
in_ns a setpriv --reuid=1234 --regid=1234 --clear-groups --bounding-set=-all --inh-caps=-all /usr/bin/python3 -c '
import socket, time
held = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(8)]
for number, one in enumerate(held):
    one.bind("\0kube-canary/clsact/%d" % number)
time.sleep(60)' &
squatter=$!
own_process $squatter
names_taken() { [ "$(in_ns a grep -c '@kube-canary/clsact/' /proc/net/unix)" = 8 ]; }
eventually 5 names_taken || fail "nobody takes the names"
fresh_log
start clsact
eventually 5 equals 2 a kube_canary_attached || fail "not attached where all names are taken"
log_says '@kube-canary/clsact/' || fail "the warning does not tell the names"
kill -KILL "${LOADER[a]}"
eventually 3 process_ended "${LOADER[a]}"
start clsact
eventually 5 equals 2 a kube_canary_attached || fail "not attached beside what a kill left"
assert_eq "$(filters ingress | wc -l) $(filters egress | wc -l)" "2 2" "filters beside those that a kill left"
canary_stop a
assert_eq "$(filters ingress | wc -l) $(filters egress | wc -l)" "1 1" "filters that a kill left under an unclaimed handle"
in_ns a tc qdisc del dev eth0 clsact
kill "$squatter"
eventually 3 process_ended "$squatter"

# In a time namespace the kernel's stamps are by another clock than ours: nothing is begun.
status=0
in_ns a timeout 5 unshare --time --monotonic 86400 "$KUBE_CANARY" --peers.static=b=198.18.0.2 2> "$SCRATCH/time" || status=$?
assert_eq "$status" 1 "exit status in a time namespace: $(cat "$SCRATCH/time")"
grep -q 'the monotonic clock here is not the machine.s.*offset_seconds=86400' "$SCRATCH/time" || fail "says in a time namespace: $(cat "$SCRATCH/time")"
ip netns exec "$PREFIX-a" unshare --time --kill-child "$KUBE_CANARY" --peers.static=b=198.18.0.2 2> "$SCRATCH/time" &
LOADER[a]=$!
own_process "${LOADER[a]}"
eventually 5 canary_answers a || fail "does not start in a time namespace without an offset"
kill -TERM "$(child_of "${LOADER[a]}")"
eventually 5 process_ended "${LOADER[a]}" || fail "does not end in a time namespace"

# Renamed to what is not for us: left; and back.
start tcx --bpf.interfaces=eth0
eventually 5 equals 2 a kube_canary_attached || fail "not attached to eth0"
sleep 5 # from then on it may be put in place anew
in_ns a ip link set dev eth0 down
in_ns a ip link set dev eth0 name other
in_ns a ip link set dev other up
eventually 5 no_tcx_programs a other || fail "still attached to an interface that is not for us"
in_ns a ip link set dev other down
in_ns a ip link set dev other name eth0
in_ns a ip link set dev eth0 up
address a eth0 fd00:18::1/64
eventually 5 equals 2 a kube_canary_attached || fail "not attached to eth0 again"
canary_stop a

# Says words to the loader through a copy of the canary's socket, so many times, a tenth of a second apart.
speak() { # TIMES KIND…
  python3 - "$(canary_pid a)" "$(in_ns a cat /sys/class/net/eth0/ifindex)" "$@" <<'END'
import ctypes, os, socket, struct, sys, time
pidfd = os.pidfd_open(int(sys.argv[1]))
for fd in range(3, 64):
    copy = ctypes.CDLL(None).syscall(438, pidfd, fd, 0)  # pidfd_getfd
    try:
        words = socket.socket(fileno=copy)
        if words.type == socket.SOCK_SEQPACKET:
            break
    except OSError:
        pass
for _ in range(int(sys.argv[3])):
    for kind in sys.argv[4:]:
        words.send(struct.pack("=6I", int(kind), int(sys.argv[2]), 0, 0, 0, 0))
    time.sleep(0.1)
END
}
attach=1 detach=2 renew_egress=6 renew_ingress=7
# Ids of the links that the loader holds.
links() { cat "/proc/${LOADER[a]}/fdinfo/"* 2> /dev/null | awk '$1 == "link_id:" { print $2 }' | sort -n | tr '\n' ' '; }

# A canary gone mad cannot make the device flap.
fresh_log
start xdp --log.level=debug
eventually 5 equals 2 a kube_canary_attached || fail "no XDP"
attaches() { grep -c 'msg="\?attached"\? .*direction=ingress' "$SCRATCH/canary-a.log"; }
assert_eq "$(attaches)" 1 "attachments at the start"
speak 60 $detach $attach
assert_between "$(attaches)" 2 3 "attachments in six seconds of detach and attach"
eventually 7 equals 2 a kube_canary_attached || fail "not attached after the flood"
before=$(links)
assert_eq "$(wc -w <<< "$before")" 3 "links of the loader: egress, XDP, and the reflector beside it"
speak 3 $renew_ingress
assert_eq "$(links)" "$before" "XDP link after words that ask for it anew"
note "60 detach and attach in 6 s: $(attaches) attachments"
canary_stop a

# Renewed, a side is at the head, at most once in five seconds; the other one is left alone.
start tcx
eventually 5 equals 2 a kube_canary_attached || fail "no TCX"
order() { # ingress|egress ORDER: a question for eventually
  [ "$(tcx_programs a "$1" eth0)" = "$2" ]
}
foreign_attach first tcx egress -1 eth0 first
foreign_attach other tcx ingress -1 eth0 first
order egress "foreign kc_egress" || fail "order at the start: $(tcx_programs a egress eth0)"
speak 1 $renew_egress
eventually 1 order egress "kc_egress foreign" || fail "not renewed: $(tcx_programs a egress eth0)"
foreign_attach second tcx egress -1 eth0 first
speak 5 $renew_egress
order egress "foreign kc_egress foreign" || fail "renewed too soon: $(tcx_programs a egress eth0)"
sleep 5
speak 1 $renew_egress
eventually 1 order egress "kc_egress foreign foreign" || fail "not renewed again: $(tcx_programs a egress eth0)"
order ingress "foreign kc_ingress" || fail "order on the other side: $(tcx_programs a ingress eth0)"
canary_stop a

# Pins. A second instance cannot take the names of one that runs, but those of one that was killed. A folder that was
# there before stays; so does what others keep under our names.
mkdir "$SCRATCH/bpf"
mount -t bpf bpf "$SCRATCH/bpf" || skip "no bpf file system"
at_end() { umount "$SCRATCH/bpf"; }
folder=$SCRATCH/bpf/pins
pins() { find "$folder" -type f 2> /dev/null | wc -l; }
pinned() { for file in "$folder"/*; do bpftool -j map show pinned "$file" | jq .id; done | tr '\n' ' '; }
start tcx --bpf.pin-path="$folder"
canary_stop a
[ ! -e "$folder" ] || fail "the folder of pins is left"
start tcx --bpf.pin-path="$folder"
before=$(pinned)
canary_launch b --peers.static=a=198.18.0.1 --bpf.pin-path="$folder"
eventually 5 process_ended "${LOADER[b]}" || fail "a second instance runs with the pins of the first one"
status=0
wait "${LOADER[b]}" || status=$?
assert_eq "$status" 1 "exit status of the second instance"
grep -q -- '--bpf.pin-path is that of another instance' "$SCRATCH/canary-b.log" || fail "does not say whose pins these are"
assert_eq "$(pinned)" "$before" "pinned maps after the second instance was refused"
# Of two that start at once it is one as well.
one_ended() { process_ended "${LOADER[a]}" || process_ended "${LOADER[b]}"; }
for _ in 1 2 3 4 5; do
  canary_stop a
  [ ! -e "$folder" ] || fail "the folder of pins is left"
  canary_launch a --peers.static=b=198.18.0.2 --bpf.pin-path="$folder"
  canary_launch b --peers.static=a=198.18.0.1 --bpf.pin-path="$folder"
  eventually 5 one_ended || fail "two that start at once run with the same pins"
  if process_ended "${LOADER[a]}"; then
    LOADER[a]=${LOADER[b]}
    eventually 5 canary_answers b || fail "of two that start at once none runs"
  else
    eventually 5 canary_answers a || fail "of two that start at once none runs"
  fi
done
before=$(pinned)
kill -KILL "${LOADER[a]}"
eventually 3 process_ended "${LOADER[a]}"
canary_launch b --peers.static=a=198.18.0.1 --bpf.pin-path="$folder"
eventually 8 in_ns b curl -sf -o /dev/null http://127.0.0.1:10862/-/healthy || fail "does not take the pins of a killed one"
[ "$(pinned)" != "$before" ] || fail "the pins are still those of the killed one"
assert_eq "$(pins)" 7 "pins after a killed one's"
canary_stop b
assert_eq "$(pins)" 0 "pins after both ended"
[ -d "$folder" ] || mkdir "$folder"
map=$(bpftool -j prog show id "$(awk '$1 == "program" { print $2 }' "$SCRATCH/foreign-first")" | jq '.map_ids[0]')
bpftool map pin id "$map" "$folder/kc_counters"
fresh_log
canary_launch a --peers.static=b=198.18.0.2 --bpf.pin-path="$folder"
eventually 5 process_ended "${LOADER[a]}" || fail "starts although a name of its pins is taken"
log_says 'cannot pin a map' || fail "does not say why it does not start"
log_says 'cannot start' || fail "does not say that it does not start"
assert_eq "$(find "$folder" -type f -printf '%f')" kc_counters "pins after the failure"
