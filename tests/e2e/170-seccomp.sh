#!/usr/bin/env bash
# System calls: both processes run under a filter; who makes another one than it needs is killed, and the other process
# ends too; what is used and what is only allowed is told.
source "$(dirname "$0")/lib.sh"
need strace python3
inject=$TOOLS/inject

two_nodes
PERSONALITY=135 GETPID=39 MMAP=9 SOCKET=41 SETSOCKOPT=54 RMDIR=84 UNLINK=87 OPENAT=257 UNLINKAT=263 BPF=321
filter_of() { awk '$1 == "Seccomp:" { print $2 }' "/proc/$1/status"; }
programs() { in_ns a bpftool -j net show | python3 -c 'import json, sys; print(len(json.load(sys.stdin)[0]["tc"]))'; }
no_programs() { [ "$(programs)" = 0 ]; }
start() { canary_start a --peers.static=b=198.18.0.2 --probe.interval=50ms "$@"; }
# It may have been woken at just that moment, by a probe.
call() { # PID NUMBER ARGUMENT…
  local try
  for try in 1 2 3 4 5; do
    "$inject" "$@" 2> "$SCRATCH/inject.err" && return
  done
  fail "inject $*, $try times: $(cat "$SCRATCH/inject.err")"
}

# Not ours: on another machine than x86-64 the numbers differ.
status=0
"$inject" 2> /dev/null || status=$?
[ "$status" -ne 77 ] || skip "calls are injected on x86-64 only"

start --seccomp=false
assert_eq "$(filter_of "${LOADER[a]}") $(filter_of "$(canary_pid a)")" "0 0" "filters with --seccomp=false"
assert_eq "$(call "$(canary_pid a)" $PERSONALITY 0xffffffff)" "returned 0" "a call that is not filtered"
canary_stop a

start
assert_eq "$(filter_of "${LOADER[a]}") $(filter_of "$(canary_pid a)")" "2 2" "filters"
eventually 5 equals 2 a kube_canary_attached || fail "not attached"

# What is allowed is allowed: it is not the injection that kills.
for pid in "${LOADER[a]}" "$(canary_pid a)"; do
  assert_eq "$(call "$pid" $GETPID)" "returned $pid" "getpid()"
done
eventually 3 canary_answers a || fail "does not answer after an allowed call"

canary_stop a

forbidden() { # ROLE WHAT NUMBER ARGUMENT…
  local role=$1 what=$2 loader canary said
  start
  loader=${LOADER[a]} canary=$(canary_pid a)
  if [ "$role" = loader ]; then said=$(call "$loader" "${@:3}"); else said=$(call "$canary" "${@:3}"); fi
  assert_eq "$said" "killed by signal 31" "$what in the $role"
  eventually 3 process_ended "$loader" || fail "the loader outlives $what in the $role"
  eventually 3 process_ended "$canary" || fail "the canary outlives $what in the $role"
  eventually 3 no_programs || fail "programs are left after $what in the $role"
}
# What each call may be asked for is the affair of tests/edge/test_seccomp.c; here one of each kind, in the program itself.
MPROTECT=10 CONNECT=42 CLONE=56 FORK=57 EXECVE=59 KILL=62 FCNTL=72 PTRACE=101 TGKILL=234 PRLIMIT64=302
O_TRUNC=0x200 F_SETOWN=8
sleep 600 &
own_process $!
victim=$!
forbidden canary "kill()" $KILL $victim 9
forbidden canary "tgkill() of another" $TGKILL $victim $victim 9
forbidden loader "tgkill() of another" $TGKILL $victim $victim 9
forbidden canary "ptrace()" $PTRACE 16 $victim 0 0
forbidden loader "execve()" $EXECVE 0 0 0
forbidden canary "fork()" $FORK
forbidden loader "clone()" $CLONE 17 0
forbidden canary "mprotect() to be executed" $MPROTECT 0 4096 5
forbidden canary "a file emptied" $OPENAT -100 0 $O_TRUNC
forbidden loader "a file emptied" $OPENAT -100 0 $O_TRUNC
forbidden loader "connect()" $CONNECT -1 0 0
forbidden canary "limits of another process" $PRLIMIT64 $victim 7 0 0
forbidden canary "signals to another process" $FCNTL 0 $F_SETOWN $victim
! process_ended $victim || fail "the other process is dead"
for role in canary loader; do
  forbidden "$role" "personality()" $PERSONALITY 0xffffffff
  forbidden "$role" "mmap() to be executed" $MMAP 0 4096 7 34 -1 0
  forbidden "$role" "open to write" $OPENAT -100 0 2
  forbidden "$role" "a packet socket" $SOCKET 17 3 0
  forbidden "$role" "a stream to who listens on this machine" $SOCKET 1 1 0
  forbidden "$role" "IP_HDRINCL" $SETSOCKOPT -1 0 3 0 4
  forbidden "$role" "IPV6_HDRINCL" $SETSOCKOPT -1 41 36 0 4
  forbidden "$role" "IPV6_HDRINCL by another level" $SETSOCKOPT -1 255 36 0 4
done
forbidden canary "bpf()" $BPF 0 0 0
forbidden loader "loading a program" $BPF 5 0 0
forbidden loader "open to read" $OPENAT -100 0 0
for call in $UNLINK $RMDIR $UNLINKAT; do
  forbidden loader "removing a file (call $call)" "$call" 0 0 0
done
# Of an allowed call with allowed arguments it dies no more than of getpid().
start
assert_eq "$(call "$(canary_pid a)" $MMAP 0 4096 99 0 -1 0)" "returned -9" "mmap() of nothing sensible"
assert_eq "$(call "$(canary_pid a)" $SETSOCKOPT -1 255 1 0 4)" "returned -9" "ICMP_FILTER of no socket"
assert_eq "$(call "$(canary_pid a)" $OPENAT -100 0 0)" "returned -14" "open to read, of no name"
canary_answers a || fail "does not answer after what is allowed"
canary_stop a

# What it really does, with a file, a name that nobody resolves, scrapes and a device that comes again.
trace=$SCRATCH/trace
cat > "$SCRATCH/traced" << END
#!/bin/sh
exec strace -f -qq -D -e signal=none -o $trace $KUBE_CANARY "\$@"
END
chmod +x "$SCRATCH/traced"
echo "198.18.0.2 b" > "$SCRATCH/peers"
KUBE_CANARY=$SCRATCH/traced start --peers.file="$SCRATCH/peers" --peers.dns=nobody.invalid
for path in metrics api/v1/peers "" -/healthy; do
  in_ns a curl -sf --compressed -o /dev/null "http://127.0.0.1:10862/$path" || true
done
echo "198.18.0.2 b probe=icmp" > "$SCRATCH/peers"
in_ns a ip link set eth0 down
sleep 0.5
in_ns a ip link set eth0 up
sleep 2
canary_stop a
used=$(python3 - "$trace" "$TOP/src/seccomp.c" << 'END'
import re, sys
first, confined, used = None, set(), {'loader': set(), 'canary': set()}
for line in open(sys.argv[1], errors='replace'):
    match = re.match(r'(\d+) +(\w+)\(', line)
    if not match:
        continue
    pid, call = match.groups()
    first = first or pid
    if pid in confined:
        used['loader' if pid == first else 'canary'].add(call)
    if 'PR_SET_SECCOMP' in line:
        confined.add(pid)
source = open(sys.argv[2]).read()
tables = {name: set(re.findall(r'^\t(?:ANY|ONLY|WITHOUT|BOTH)\((\w+)', body, re.M))
          for name, body in re.findall(r'(\w+)_calls\[\] = \{(.*?)^\};', source, re.M | re.S)}
for role, calls in used.items():
    allowed = tables['common'] | tables[role]
    if calls - allowed:
        print('BEYOND', role, *sorted(calls - allowed))
    print(role, 'uses', len(calls), 'of', len(allowed), 'calls that it may make:', *sorted(calls))
END
)
grep -q '^canary uses' <<< "$used" || fail "nothing was traced: $used"
! grep -q '^BEYOND' <<< "$used" || fail "calls beyond the table: $used"
while IFS= read -r line; do note "$line"; done <<< "$used"
