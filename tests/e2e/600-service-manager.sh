#!/usr/bin/env bash
# What a service manager hears of the two processes: READY once what can be attached is and HTTP is served, the
# watchdog's beat while both loops turn, reloads, the end. All of it from the process that it started.
source "$(dirname "$0")/lib.sh"
need python3

two_nodes

# Notes what it hears: monotonic time, sender, line.
manager_start() { # NAME of the socket, as NOTIFY_SOCKET has it
  : > "$SCRATCH/heard"
  # Not by in_ns, whose shell would be what is ended.
  ip netns exec "$PREFIX-a" python3 - "$1" "$SCRATCH/heard" <<'END' 2> "$SCRATCH/manager.log" &
import socket, struct, sys, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
manager.bind(sys.argv[1].replace("@", "\0", 1))
heard = open(sys.argv[2], "w", buffering=1)
print("0 0 LISTENING", file=heard)
while True:
    text, sender, _, _ = manager.recvmsg(4096, 256)
    for line in text.decode().splitlines():
        print("%.6f %d %s" % (time.monotonic(), struct.unpack("3i", sender[0][2])[0], line), file=heard)
END
  MANAGER=$!
  own_process "$MANAGER"
  eventually 5 heard LISTENING || fail "no listener"
  export NOTIFY_SOCKET=$1
}

manager_stop() {
  kill -KILL "$MANAGER"
  wait "$MANAGER" 2> /dev/null || true
  rm -f "$SCRATCH/notify"
  unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID
  CANARY_UNDER=()
}

heard() { # LINE: a question for eventually
  awk -v line="$1" '{ sub(/^[^ ]+ [^ ]+ /, "") } $0 == line { found = 1 } END { exit !found }' "$SCRATCH/heard"
}
times() { # LINE: how often it was heard
  awk -v line="$1" '{ sub(/^[^ ]+ [^ ]+ /, "") } $0 == line { count++ } END { print count + 0 }' "$SCRATCH/heard"
}
heard_times() { # NUMBER LINE
  [ "$(times "$2")" -ge "$1" ]
}
# What was said together with the first READY.
ready_status() { awk '$3 == "READY=1" { at = $1 } at && $1 - at < 0.001 && sub(/.* STATUS=/, "") { print; exit }' "$SCRATCH/heard"; }
last_status() { sed -n 's/^[^ ]* [^ ]* STATUS=//p' "$SCRATCH/heard" | tail -n 1; }
status_is() { [ "$(last_status)" = "$1" ]; }
# Sockets that a process holds, by inode.
sockets() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | sort; }

# --- the start, at a path and at an abstract name

for name in "$SCRATCH/notify" "@kc-test/notify"; do
  manager_start "$name"
  canary_launch a --peers.static=b=198.18.0.2
  eventually 3 heard READY=1 || fail "$name: no READY"
  http_get a /-/ready > /dev/null || fail "$name: READY, and /-/ready says no"
  assert_eq "$(value a kube_canary_attached)" 2 "$name: directions attached when READY came"
  eventually 1 status_is "1 peer probed, attached to 1 of 1 interface" || fail "$name: STATUS is \"$(last_status)\""
  assert_eq "$(ready_status)" "1 peer probed, attached to 1 of 1 interface" "$name: STATUS with READY"
  assert_eq "$(times WATCHDOG=1)" 0 "$name: beats that nobody asked for"
  assert_eq "$(comm -12 <(sockets "${LOADER[a]}") <(sockets "$(canary_pid a)"))" "" "sockets that both processes hold"
  canary_stop a
  heard STOPPING=1 || fail "$name: no STOPPING"
  assert_eq "$(tail -n 1 "$SCRATCH/heard" | cut -d ' ' -f 3)" STOPPING=1 "$name: the last word"
  assert_eq "$(times READY=1)" 1 "$name: times READY"
  assert_eq "$(awk '$2 > 0 { print $2 }' "$SCRATCH/heard" | sort -u)" "${LOADER[a]}" "$name: who speaks"
  manager_stop
done

# Without peers there is nothing to wait for; what cannot be attached does not keep the unit from starting.
manager_start "$SCRATCH/notify"
canary_launch a
eventually 2 heard READY=1 || fail "no READY without peers"
canary_stop a
manager_stop

# With many, the way to each was asked for.
in_ns a ip route add 198.18.1.0/24 via 198.18.0.2
printf '198.18.1.%d\n' {1..250} > "$SCRATCH/peers"
manager_start "$SCRATCH/notify"
canary_launch a --peers.file="$SCRATCH/peers" --probe.max=256 --mesh.full-below=256
eventually 4 heard READY=1 || fail "no READY with many peers"
assert_eq "$(ready_status)" "250 peers probed, attached to 1 of 1 interface" "STATUS with READY, of many peers"
canary_stop a
manager_stop

in_ns a tc qdisc add dev eth0 ingress
manager_start "$SCRATCH/notify"
canary_launch a --peers.static=b=198.18.0.2 --bpf.hook=clsact
eventually 3 heard READY=1 || fail "no READY where nothing can be attached"
eventually 3 status_is "1 peer probed, attached to 0 of 1 interface" || fail "STATUS is \"$(last_status)\""
in_ns a tc qdisc del dev eth0 ingress
eventually 5 status_is "1 peer probed, attached to 1 of 1 interface" || fail "STATUS stays \"$(last_status)\""
canary_stop a
manager_stop

# --- the watchdog

# Under a shell that tells whose watchdog it is, as a service manager does.
# shellcheck disable=SC2016,SC2034
CANARY_UNDER=(sh -c 'export WATCHDOG_PID=$$; exec "$@"' sh)
manager_start "$SCRATCH/notify"
export WATCHDOG_USEC=1000000
canary_start a --peers.static=b=198.18.0.2
eventually 3 heard READY=1 || fail "no READY with a watchdog"
before=$(times WATCHDOG=1)
sleep 5
count=$(($(times WATCHDOG=1) - before))
assert_between "$count" 7 12 "beats in 5 s, of a watchdog of 1 s"
longest=$(awk '$3 == "WATCHDOG=1" { if (last && $1 - last > longest) longest = $1 - last; last = $1 } END { print longest }' \
  "$SCRATCH/heard")
assert_between "$longest" 0.4 0.9 "longest time between two beats, of a watchdog of 1 s"
note "watchdog of 1 s: $count beats in 5 s, at most $longest s apart"

quiet() { # WHAT PID: stands still for 2 s, and is heard again after it
  local before
  kill -STOP "$2"
  sleep 0.2
  before=$(times WATCHDOG=1)
  sleep 2
  assert_eq "$(times WATCHDOG=1)" "$before" "beats while the $1 stands still"
  kill -CONT "$2"
  eventually 2 heard_times $((before + 2)) WATCHDOG=1 || fail "no beats after the $1 goes on"
}
quiet canary "$(canary_pid a)"
quiet loader "${LOADER[a]}"
assert_eq "$(times READY=1)" 1 "times READY, while nothing is reloaded"
canary_stop a
manager_stop

# Somebody else's watchdog.
manager_start "$SCRATCH/notify"
export WATCHDOG_USEC=400000 WATCHDOG_PID=1
canary_launch a --peers.static=b=198.18.0.2
eventually 3 heard READY=1 || fail "no READY where the watchdog is another's"
sleep 1
assert_eq "$(times WATCHDOG=1)" 0 "beats for another's watchdog"

# --- reloads, of good and of bad files; and none

assert_eq "$(times RELOADING=1)" 0 "reloads that nobody asked for"
kill -HUP "${LOADER[a]}"
eventually 2 heard_times 2 READY=1 || fail "no end of a reload without a file"
canary_stop a
manager_stop

mkdir "$SCRATCH/folder"
chmod 755 "$SCRATCH/folder"
echo "198.18.0.2 b" > "$SCRATCH/folder/peers"
manager_start "$SCRATCH/notify"
canary_start a --peers.file="$SCRATCH/folder/peers"
eventually 3 heard READY=1 || fail "no READY with a file"
microseconds() { # of which uptime tells hundredths of a second
  local uptime
  read -r uptime _ < /proc/uptime
  echo "${uptime/./}0000"
}
reload() { # NUMBER: of reloads then
  local before after
  before=$(microseconds)
  kill -HUP "${LOADER[a]}"
  eventually 2 heard_times $((1 + $1)) READY=1 || fail "no READY after reload $1"
  after=$(($(microseconds) + 10000))
  assert_eq "$(times RELOADING=1)" "$1" "RELOADING after reload $1"
  assert_between "$(sed -n 's/.* MONOTONIC_USEC=//p' "$SCRATCH/heard" | tail -n 1)" "$before" "$after" "MONOTONIC_USEC"
}
reload 1
echo "nonsense" > "$SCRATCH/folder/peers"
reload 2
assert_eq "$(value a kube_canary_config_last_reload_successful)" 0 "success of a bad reload when READY came"
echo "198.18.0.2 c" > "$SCRATCH/folder/peers"
sleep 1.5
assert_eq "$(times RELOADING=1)" 2 "RELOADING when the file changed by itself"

# --- other ends

kill -KILL "$(canary_pid a)"
eventually 2 process_ended "${LOADER[a]}" || fail "the loader outlives its canary"
assert_eq "$(times STOPPING=1)" 1 "STOPPING where the canary was killed"
manager_stop

# A name that is none, and a socket that is not there: said once, and measured all the same.
for name in relative "$SCRATCH/nobody"; do
  : > "$SCRATCH/canary-a.log"
  NOTIFY_SOCKET=$name WATCHDOG_USEC=200000 canary_start a --peers.static=b=198.18.0.2
  eventually 5 at_least 2 a kube_canary_probes_returned_total || fail "NOTIFY_SOCKET=$name: not measured"
  assert_eq "$(grep -c 'level=warn.*\(NOTIFY_SOCKET\|service manager\)' "$SCRATCH/canary-a.log")" 1 "warnings of $name"
  canary_stop a
done
