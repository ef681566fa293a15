#!/usr/bin/env bash
# The unit under a real systemd, which is process 1 of namespaces of its own: it starts with all of its hardening in
# force, measures by every hook, reloads, and is started anew when a process hangs or is killed, but not when an
# option is wrong. The root is this machine's, under a layer that goes away; its /sys and /proc/sys cannot be written.
source "$(dirname "$0")/lib.sh"
need chroot findmnt make nsenter python3 unshare

[ -x /usr/lib/systemd/systemd ] || skip "systemd is not installed"
hierarchy=$(findmnt -nf -t cgroup2 -o TARGET) || skip "no cgroup2 file system"
unset MAKEFLAGS MAKELEVEL MFLAGS

# --- process 1

group=$hierarchy/$PREFIX
root=$SCRATCH/root
at_end() {
  [ -z "${INIT:-}" ] || kill -KILL "$INIT" 2> /dev/null
  [ -z "${INIT:-}" ] || eventually 5 process_ended "$INIT"
  umount "$SCRATCH/layer" 2> /dev/null
  eventually 5 group_removed
}
group_removed() {
  find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
  [ ! -e "$group" ]
}

mkdir "$SCRATCH/layer" "$root"
mount -t tmpfs tmpfs "$SCRATCH/layer"
mkdir "$SCRATCH/layer/upper" "$SCRATCH/layer/work" "$group" || skip "no control group can be made"
make -s -C "$TOP" WERROR=1 BUILD="$BUILD" DESTDIR="$SCRATCH/layer/upper" install > /dev/null || fail "make install"
install -m 755 "$KUBE_CANARY" "$SCRATCH/layer/upper/usr/local/bin/kube-canary"
cat > "$SCRATCH/boot" << 'END'
set -eu
echo $$ > "$2/cgroup.procs"
exec unshare --fork --pid --mount --net --uts --ipc --cgroup --kill-child bash -euc '
  mount --make-rprivate /
  mount -t overlay overlay -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" "$1/root"
  cd "$1/root"
  mount -t proc proc proc
  mount --bind -o ro proc/sys proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t bpf bpf sys/fs/bpf
  for folder in run tmp dev; do mount -t tmpfs tmpfs $folder; done
  mkdir dev/pts dev/shm
  mount -t devpts devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
  done
  ip link set lo up
  exec env -i container=other PATH="$PATH" chroot . /usr/lib/systemd/systemd --unit=basic.target --show-status=0
' bash "$1"
END
bash "$SCRATCH/boot" "$SCRATCH" "$group" > "$SCRATCH/boot.log" 2>&1 < /dev/null &
BOOT=$!
own_process "$BOOT"

inside() { # COMMAND…
  nsenter -t "$INIT" -m -n -p -u -i -C -r -w env SYSTEMD_PAGER= SYSTEMD_COLORS=0 "$@"
}
booted() {
  INIT=$(child_of "$BOOT" 2> /dev/null) && [ -n "$INIT" ] || return 1
  process_ended "$BOOT" && skip "systemd does not run in namespaces here: $(tail -n 1 "$SCRATCH/boot.log")"
  [ "$(cat "/proc/$INIT/comm")" = systemd ] && inside systemctl is-system-running > /dev/null 2>&1
}
eventually 30 booted || skip "systemd does not come up in namespaces here: $(tail -n 1 "$SCRATCH/boot.log")"

# --- the service

shown() { inside systemctl show --value -p "$1" kube-canary; } # PROPERTY
shows() { [ "$(shown "$1")" = "$2" ]; }                        # PROPERTY VALUE
main_pid() { shown MainPID; }                                 # as systemd counts
canary_inside() { inside cat "/proc/$(main_pid)/task/$(main_pid)/children" | tr -d ' '; }
metric_inside() { inside curl -sf http://127.0.0.1:10862/metrics > "$SCRATCH/metrics" && metric "$SCRATCH/metrics" "$@"; }
reaches() { awk -v x="$(metric_inside "${@:2}")" -v low="$1" 'BEGIN { exit !(x != "" && x >= low) }'; } # LOW NAME LABEL…
journal() { inside journalctl -q --no-pager -u kube-canary -n "${1:-15}" -o cat; }
start() { # OPTION=VALUE…
  printf 'KUBE_CANARY_%s\n' PEERS_STATIC=b=198.18.0.2 "$@" | inside tee /etc/default/kube-canary > /dev/null
  inside systemctl restart kube-canary || { journal; fail "the service does not start ($*)"; }
}
drop_in() { # LINE…
  inside mkdir -p /etc/systemd/system/kube-canary.service.d
  printf '%s\n' "[Service]" "$@" | inside tee /etc/systemd/system/kube-canary.service.d/test.conf > /dev/null
  inside systemctl daemon-reload
}

inside bash -euc 'ip netns add peer
  ip link add eth0 type veth peer name eth0 netns peer
  ip link set eth0 up; ip address add 198.18.0.1/24 dev eth0
  ip -n peer link set eth0 up; ip -n peer address add 198.18.0.2/24 dev eth0'
inside systemctl daemon-reload

for hook in tcx clsact xdp; do
  start PROBE_PROTOCOL=icmp PROBE_INTERVAL=50ms BPF_HOOK=$hook
  shows ActiveState active || fail "$hook: the service is $(shown ActiveState)"
  eventually 10 reaches 20 kube_canary_probes_returned_total || fail "$hook: not measured"
  assert_eq "$(metric_inside kube_canary_probes_unstamped_total)" 0 "$hook: unstamped"
  assert_eq "$(metric_inside kube_canary_attached)" 2 "$hook: directions attached"
done
# Without CAP_PERFMON, which a drop-in grants, XDP gives way to tc.
assert_eq "$(metric_inside kube_canary_attached 'mode="tcx"')" 2 "directions by TCX where XDP was wanted"
inside test -e /sys/fs/bpf || fail "no file system for pins"
drop_in CapabilityBoundingSet=CAP_PERFMON ProtectKernelTunables=no
start PROBE_PROTOCOL=icmp BPF_HOOK=xdp BPF_PIN_PATH=/sys/fs/bpf/kube-canary
eventually 5 reaches 1 kube_canary_attached 'mode="xdp_native"' || fail "no XDP with CAP_PERFMON"
inside test -e /sys/fs/bpf/kube-canary/kc_peers || fail "no pins without ProtectKernelTunables"

# Where sockets stamp, one of them is bound to port 862.
drop_in
start TIMESTAMPS=socket PROBE_INTERVAL=50ms
inside ss -Hlun | grep -q ':862 ' || fail "no socket at the STAMP port"

# What the hardening leaves, of both processes.
drop_in
start PROBE_PROTOCOL=icmp
for pid in "$(main_pid)" "$(canary_inside)"; do
  inside cat "/proc/$pid/status" > "$SCRATCH/status"
  for expected in "CapBnd: 00000080000034c0" "CapEff: 0000000000000000" "NoNewPrivs: 1" "Seccomp: 2"; do
    assert_eq "$(awk -v name="${expected%% *}" '$1 == name { print $2 }' "$SCRATCH/status")" "${expected##* }" \
      "${expected%%:*} of process $pid"
  done
done
# /proc/stat can be read, so the start is a time of these days; the clock's state is asked for, not forbidden.
assert_between "$(metric_inside process_start_time_seconds)" $((EPOCHSECONDS - 60)) $((EPOCHSECONDS + 5)) "process_start_time_seconds"
filter=$(inside systemctl show --value -p SystemCallFilter kube-canary)
for call in bpf adjtimex clock_adjtime; do
  [[ " $filter " == *" $call "* ]] || fail "the unit's filter forbids $call"
done
for call in mount ptrace init_module kexec_load reboot settimeofday perf_event_open setrlimit; do
  [[ " $filter " != *" $call "* ]] || fail "the unit's filter allows $call"
done
# Whatever forbids it, be it the filter or ProtectClock: the clock's state could not be read.
drop_in Type=oneshot Restart=no "ExecStart=" \
  "ExecStart=/usr/bin/python3 -c 'import ctypes; exit(ctypes.CDLL(None).adjtimex(bytes(256)) < 0)'"
inside systemctl restart kube-canary || { journal 5; fail "the unit forbids adjtimex"; }
drop_in

# --- what it says of itself, and reloads

start PROBE_PROTOCOL=icmp
eventually 5 shows StatusText "1 peer probed, attached to 1 of 1 interface" || fail "status is \"$(shown StatusText)\""
inside mkdir /etc/kube-canary
echo "198.18.0.2 c" | inside tee /etc/kube-canary/peers > /dev/null
start PROBE_PROTOCOL=icmp PEERS_STATIC=d=198.18.0.3 PEERS_FILE=/etc/kube-canary/peers
inside systemctl reload kube-canary || fail "systemctl reload"
shows ActiveState active || fail "after the reload the service is $(shown ActiveState)"
assert_at_least "$(metric_inside kube_canary_peer_info 'peer="c"')" 1 "peers of the file"

# --- hangs, kills, wrong options

drop_in WatchdogSec=2
start PROBE_PROTOCOL=icmp
sleep 5
assert_eq "$(shown NRestarts)" 0 "restarts in 5 s, by a watchdog of 2 s"
first=$(main_pid)
child=$(canary_inside)
inside kill -STOP "$child"
eventually 10 shows NRestarts 1 || fail "a canary that hangs is not started anew"
eventually 5 shows SubState running || fail "after a hang the service is $(shown SubState)"
[ "$(main_pid)" != "$first" ] || fail "the process is the same after a hang"
inside test ! -e "/proc/$child" || fail "the canary that hung is still there"
assert_at_least "$(journal 60 | grep -c 'Watchdog timeout')" 1 "words of the watchdog in the journal"
drop_in
for victim in loader canary; do
  start PROBE_PROTOCOL=icmp
  pid=$(main_pid)
  [ $victim = loader ] || pid=$(canary_inside)
  inside kill -KILL "$pid"
  eventually 6 shows NRestarts 1 || fail "not started anew after its $victim was killed"
  eventually 3 shows SubState running || fail "after its $victim was killed the service is $(shown SubState)"
done
inside systemctl stop kube-canary
assert_eq "$(shown Result) $(shown ExecMainStatus)" "success 0" "result of systemctl stop"
assert_eq "$(inside tc filter show dev eth0 ingress)" "" "filters after the end"

echo KUBE_CANARY_PROBE_INTERVAL=nonsense | inside tee /etc/default/kube-canary > /dev/null
inside systemctl start kube-canary 2> /dev/null && fail "starts with a wrong option"
sleep 3
assert_eq "$(shown ActiveState) $(shown ExecMainStatus) $(shown NRestarts)" "failed 2 0" "state, status and restarts after a wrong option"
assert_at_least "$(journal 5 | grep -c 'KUBE_CANARY_PROBE_INTERVAL.*nonsense')" 1 "words of the wrong option in the journal"
note "$(inside systemctl --version | head -n 1)"
