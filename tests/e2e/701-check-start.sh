#!/usr/bin/env bash
# `kube-canary check`: what would end run at its start, or be in its way (system calls, pins, ports, addresses), the
# limits of its cgroup, and who would stamp where BPF is refused or not wanted: run then does what check said.
source "$(dirname "$0")/lib.sh"
need jq python3 setpriv

two_nodes
unset KUBE_CANARY_PROBE_PROTOCOL KUBE_CANARY_PEERS_FAMILY
source "$(dirname "$0")/check.sh"
EINVAL=22 PR_SET_SECCOMP=22

# What else ends run at its start.
UNDER=("$TOOLS/refuse" prctl "$PR_SET_SECCOMP" "$EINVAL")
check 1 198.18.0.2
is kernel.seccomp fail "a kernel without filters of system calls"
KUBE_CANARY_SECCOMP=false check 0 198.18.0.2
is kernel.seccomp "" "--seccomp=false"
UNDER=()
KUBE_CANARY_BPF_PIN_PATH=$SCRATCH/pins check 1 198.18.0.2
is host.pin_path fail "pins on another file system"
KUBE_CANARY_BPF_PIN_PATH=$SCRATCH/no/pins check 1 198.18.0.2
is host.pin_path fail "pins nowhere"
[ ! -e "$SCRATCH/pins" ] || fail "check made the folder of the pins"
UNDER=(bash -c 'mount -t bpf none /sys/fs/bpf && exec "$@"' bash)
KUBE_CANARY_BPF_PIN_PATH=/sys/fs/bpf/pins check 0 198.18.0.2
is host.pin_path ok "pins where they may be"

# The peers file, as nobody reads it, and each address once.
chmod 755 "$SCRATCH"
file=$SCRATCH/list
echo "198.18.0.2 b" > "$file"
chmod 600 "$file"
KUBE_CANARY_PEERS_FILE=$file check 1 198.18.0.2
is peers.file fail "a file that nobody cannot read"
says peers.file "Permission denied"
chmod 644 "$file"
KUBE_CANARY_PEERS_FILE=$file check 0 198.18.0.2
is peers.file "" "a file that nobody can read"
printf '198.18.0.2 b\n198.18.0.2 c\n' > "$file"
KUBE_CANARY_PEERS_FILE=$file check 1 198.18.0.2
is peers.file fail "an address on two lines"
says peers.file "already on an earlier line"
printf '198.18.0.2 b\n198.18.0.3 b\n' > "$file"
KUBE_CANARY_PEERS_FILE=$file check 1 198.18.0.2
is peers.file fail "a name on two lines"

# The least limit of those above a group counts. A cgroup v2 of our own, whose files say what we want.
v2=$SCRATCH/v2 limits=$SCRATCH/limits
mkdir -p "$v2" "$limits/$PREFIX/pod/container"
touch "$limits/cgroup.controllers"
echo "max 100000" > "$limits/$PREFIX/pod/container/cpu.max"
echo "50000 100000" > "$limits/$PREFIX/pod/cpu.max"
echo "150000 100000" > "$limits/$PREFIX/cpu.max"
echo 67108864 > "$limits/$PREFIX/pod/container/memory.max"
echo 8388608 > "$limits/$PREFIX/pod/memory.max"
cat > "$SCRATCH/in-group" << END
#!/bin/bash
set -e
mount -t cgroup2 none "$v2"
mkdir -p "$v2/$PREFIX/pod/container"
echo \$\$ > "$v2/$PREFIX/pod/container/cgroup.procs"
mount --bind "$limits" /sys/fs/cgroup
status=0
"\$@" || status=\$?
echo \$\$ > "$v2/cgroup.procs"
rmdir "$v2/$PREFIX/pod/container" "$v2/$PREFIX/pod" "$v2/$PREFIX"
exit \$status
END
UNDER=(bash "$SCRATCH/in-group")
check 0 198.18.0.2
is host.memory_limit warn "8 MiB above 64"
says host.memory_limit "8 MiB"
says host.cpu_limit "0.50 cores"
UNDER=(bash -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' bash)
check 0 198.18.0.2
is host.cgroup note "no cgroup v2"
UNDER=()

# Ports and addresses.
hold() { # TCP_ADDRESS UDP_ADDRESS: the two ports, until released
  ip netns exec "$PREFIX-a" python3 -c '
import socket, sys, time
for host, kind, port in (sys.argv[1], socket.SOCK_STREAM, 10862), (sys.argv[2], socket.SOCK_DGRAM, 862):
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    holder.bind((host, port))
    kind == socket.SOCK_STREAM and holder.listen()
    globals()["keep%d" % port] = holder
time.sleep(60)' "$1" "$2" &
  holder=$!
  own_process $holder
  eventually 20 eval 'in_ns a ss -lun | grep -q :862' || fail "the ports of $* are not taken"
}
release() {
  kill -TERM "$holder"
  eventually 5 process_ended "$holder"
}
hold 0.0.0.0 0.0.0.0
check 1 198.18.0.2
is port.web fail "TCP 10862 is taken"
is port.stamp fail "UDP 862 is taken"
check 1 --web.listen-address=198.18.0.1:10862 --reflector=false 198.18.0.2
is port.web fail "TCP 10862 is taken at all addresses"
check 0 --web.listen-address=:10863 --reflector=false 198.18.0.2
release
hold 127.0.0.1 127.0.0.1
check 0 --web.listen-address=198.18.0.1:10862 198.18.0.2
is port.web ok "TCP 10862 of another address is taken"
is port.stamp ok "UDP 862 of the loopback is taken"
check 0 "--web.listen-address=[fd00:18::1]:10862" 198.18.0.2
check 1 --web.listen-address=127.0.0.1:10862 198.18.0.2
check 1 198.18.0.2
is port.web fail "TCP 10862 of one of all addresses is taken"
release
hold fd00:18::1 fd00:18::1
check 1 "--web.listen-address=[fd00:18::1]:10862" 198.18.0.2
is port.web fail "TCP 10862 of that address is taken"
is port.stamp warn "UDP 862 of one address is taken"
check 0 "--web.listen-address=[::1]:10862" 198.18.0.2
release
check 1 --web.listen-address=203.0.113.9:10862 198.18.0.2
is port.web fail "no address of this node"

# Who would stamp. Without BPF only what the sockets need is judged, and what check says is what run does.
NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
run_does() { # measure|end OPTION…: what run does under what check was run under
  local did=end status=0 pid
  ip netns exec "$PREFIX-a" timeout 30 "${UNDER[@]}" "$KUBE_CANARY" --peers.static=198.18.0.2 "${@:2}" > "$SCRATCH/run.log" 2>&1 &
  pid=$!
  own_process $pid
  eventually 20 eval "grep -q 'msg=\"\?measuring' '$SCRATCH/run.log' || process_ended $pid" || fail "run ${*:2} does nothing"
  ! grep -q 'msg="\?measuring' "$SCRATCH/run.log" || did=measure
  [ $did = end ] || kill -TERM $pid
  wait $pid || status=$?
  assert_eq "$did" "$1" "what run ${*:2} does ($(tail -n 1 "$SCRATCH/run.log"))"
  [ $did = measure ] || assert_eq "$status" 1 "status of run ${*:2}"
}
of_sockets() { # WHAT: no word of BPF's hooks
  is kernel.stamps ok "$1"
  for id in interface.hook interface.tcx_ingress interface.xdp; do is "$id" "" "$1"; done
  is interface.mtu ok "$1"
}
check 0 --timestamps=socket 198.18.0.2
of_sockets "sockets are wanted"
for id in permissions.needed kernel.programs kernel.maps kernel.icmp kernel.tcx; do is "$id" "" "sockets are wanted"; done
is kernel.timestamps ok "sockets are wanted"
is port.stamp ok "sockets are wanted"
check 0 198.18.0.2
says kernel.timestamps "the BPF programs"
check 2 --timestamps=hardware 198.18.0.2
KUBE_CANARY_PROBE_PROTOCOL=icmp check 2 --timestamps=socket 198.18.0.2

in_ns a sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
UNDER=("${NOBODY[@]}")
for tier in socket auto; do
  check 1 --timestamps=$tier 198.18.0.2
  is port.stamp fail "nobody, port 862, $tier"
  run_does end --timestamps=$tier
  check 0 --timestamps=$tier --stamp.port=8620 198.18.0.2
  of_sockets "nobody, an open port, $tier"
  run_does measure --timestamps=$tier --stamp.port=8620
  check 0 --timestamps=$tier --reflector=false 198.18.0.2
  run_does measure --timestamps=$tier --reflector=false
done
is kernel.timestamps warn "nobody"
is permissions.needed warn "nobody"
is kernel.programs note "nobody"
check 1 --timestamps=bpf --stamp.port=8620 198.18.0.2
is kernel.timestamps fail "--timestamps=bpf of nobody"
run_does end --timestamps=bpf --stamp.port=8620
# What binds an auto to BPF.
KUBE_CANARY_PROBE_PROTOCOL=icmp check 1 --stamp.port=8620 198.18.0.2
says kernel.timestamps nobody
run_does end --stamp.port=8620 --probe.protocol=icmp
KUBE_CANARY_BPF_PIN_PATH=/sys/fs/bpf/pins check 1 --stamp.port=8620 198.18.0.2
is kernel.timestamps fail "maps are to be pinned"
run_does end --stamp.port=8620 --bpf.pin-path=/sys/fs/bpf/pins
# bpf() refused to root, by whatever it may be.
EPERM=1 BPF_PROG_LOAD=5
UNDER=("$TOOLS/refuse" bpf "$BPF_PROG_LOAD" "$EPERM")
check 0 198.18.0.2
is kernel.timestamps warn "BPF is refused to root"
is kernel.programs warn "BPF is refused to root"
run_does measure
# The stamps are tried, not assumed.
UNDER=("${NOBODY[@]}")
in_ns a ip link set lo down
check 1 --timestamps=socket --stamp.port=8620 198.18.0.2
is kernel.stamps fail "no loopback"
run_does end --timestamps=socket --stamp.port=8620
in_ns a ip link set lo up
# The reflector binds its port at all addresses: whoever has one of them is in its way.
hold 198.18.0.1 198.18.0.1
UNDER=()
check 1 --timestamps=socket --web.listen-address=:10863 198.18.0.2
is port.stamp fail "UDP 862 of one address is taken"
run_does end --timestamps=socket --web.listen-address=:10863
release
# A user namespace with a single id has none to become; what is root outside is not left so.
single=(unshare --user --map-root-user)
UNDER=("${NOBODY[@]}" "${single[@]}")
if "${UNDER[@]}" true 2> /dev/null; then
  check 0 --stamp.port=8620 198.18.0.2
  is permissions.user_namespace warn "a user namespace of nobody's"
  run_does measure --stamp.port=8620
  grep -q 'BPF is refused.*needed="the host.s CAP_BPF' "$SCRATCH/run.log" || fail "what is needed: $(cat "$SCRATCH/run.log")"
  grep -q 'without capabilities.*the user namespace maps no other id' "$SCRATCH/run.log" || fail "the uid: $(cat "$SCRATCH/run.log")"
  UNDER=("${single[@]}")
  check 1 --stamp.port=8620 198.18.0.2
  is permissions.uid fail "a user namespace of root's"
  run_does end --stamp.port=8620
  grep -q 'cannot drop privileges' "$SCRATCH/run.log" || fail "root outside: $(cat "$SCRATCH/run.log")"
else
  note "not tried as root of a user namespace: there is none to be had here (chrooted?)"
fi
