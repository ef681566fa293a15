#!/usr/bin/env bash
# Bad input on the command line, in the environment and in the peers file: each ends with status 2 and one
# line that names what is wrong, before anything is touched.
source "$(dirname "$0")/lib.sh"

kinds=0
refused() { # WORD-IN-THE-ERROR COMMAND…
  local word=$1 status=0
  shift
  "$@" > "$SCRATCH/out" 2> "$SCRATCH/error" || status=$?
  assert_eq "$status" 2 "exit status of ${*: -1}"
  assert_eq "$(wc -l < "$SCRATCH/error")" 1 "lines of error of ${*: -1} ($(cat "$SCRATCH/error"))"
  assert_eq "$(wc -c < "$SCRATCH/out")" 0 "octets on standard output of ${*: -1}"
  grep -qF -- "$word" "$SCRATCH/error" || fail "\"$word\" is missing in: $(cat "$SCRATCH/error")"
  kinds=$((kinds + 1))
}
flag() { refused "$1" timeout 5 "$KUBE_CANARY" --check-config "${@:2}"; }
variable() { refused "$1" timeout 5 env "$2" "$KUBE_CANARY" --check-config; }
line() { # WORD LINE
  printf '%b\n' "198.18.0.2 two\n$2" > "$SCRATCH/peers"
  refused "$1" timeout 5 "$KUBE_CANARY" --check-config --peers.file="$SCRATCH/peers"
  grep -qE 'peers:2|line 2' "$SCRATCH/error" || fail "no line number in: $(cat "$SCRATCH/error")"
}

flag --probe.intervall --probe.intervall=1s
flag --probe.interval --probe.interval=soon
flag --probe.interval --probe.interval=1
flag --probe.interval --probe.interval=1ms
flag --probe.timeout --probe.timeout=-1s
flag --probe.timeout --probe.timeout=9999h
flag --probe.dscp --probe.dscp=64
flag --probe.size --probe.size=43
flag --probe.size --probe.size=70000
flag --probe.max --probe.max=0
flag --probe.max --probe.max=99999999999999999999
flag --timestamps --timestamps=hardware
flag --probe.protocol --timestamps=socket --probe.protocol=icmp
flag --bpf.hook --bpf.hook=kprobe
flag --bpf.interfaces --bpf.interfaces=an-interface-name-too-long
flag --peers.static --peers.static=b=198.18.0.256
flag --peers.static --peers.static=b=ff02::1
flag --peers.static --peers.static=b=0.0.0.0
flag --peers.static --peers.static=b=
flag 198.18.0.3 --peers.static=b=198.18.0.2 --peers.static=b=198.18.0.3
flag fd00:18::2 --peers.static=b=fd00:18::2 --peers.family=ipv4
flag 198.18.0.2 --peers.static=b=198.18.0.2 --peers.family=ipv6
flag --peers.family --peers.family=6
flag --peers.linger --peers.linger=0
flag --peers.linger --peers.linger=25h
flag --peers.max --peers.max=0
flag --peers.max --peers.max=65536
flag --peers.zone --peers.zone=198.18.0.0/24
flag --peers.zone --peers.zone=a=198.18.0.1/24
flag --peers.zone --peers.zone=a=198.18.0.0/33
flag "no other zone" --peers.zone=a=198.18.0.0/24 --peers.zone=b=198.18.0.0/24
flag --mesh.degree --mesh.degree=all
flag --mesh.degree --mesh.degree=1025 --probe.max=5120
flag --probe.max --mesh.degree=129
flag --probe.max --mesh.full-below=129
flag --mesh.full-below --mesh.full-below=some
flag --reflector=false --mesh.degree=0 --reflector=false
flag --web.listen-address --web.listen-address=:99999
flag --web.listen-address --web.listen-address=localhost:80
flag "each address once" --web.listen-address=:80 --web.listen-address=:80
flag "at most 4 addresses" --web.listen-address=:0 --web.listen-address=:0 --web.listen-address=:0 --web.listen-address=:0 \
  --web.listen-address=:0
flag --metrics.per-peer --metrics.per-peer=worst:0
flag --metrics.per-peer --metrics.per-peer=some
flag --log.level --log.level=loud
flag --log.format --log.format=xml
flag --peers.file --peers.file
flag surplus surplus
flag -x -x
flag no-such-file --peers.file="$SCRATCH/no-such-file"
variable KUBE_CANARY_PROBE_INTERVAL KUBE_CANARY_PROBE_INTERVAL=never
variable KUBE_CANARY_PROBE_INTERVALL KUBE_CANARY_PROBE_INTERVALL=1s
variable KUBE_CANARY_BPF_HOOK KUBE_CANARY_BPF_HOOK=tc
variable KUBE_CANARY_PEERS_STATIC KUBE_CANARY_PEERS_STATIC=b=nowhere
variable KUBE_CANARY_PEERS_FAMILY KUBE_CANARY_PEERS_FAMILY=v4
variable KUBE_CANARY_PEERS_LINGER KUBE_CANARY_PEERS_LINGER=5
variable KUBE_CANARY_PEERS_MAX KUBE_CANARY_PEERS_MAX=many
variable b=198.18.0.0/24 KUBE_CANARY_PEERS_ZONE=a=198.18.0.0/24,b=198.18.0.0/24
variable KUBE_CANARY_MESH_DEGREE KUBE_CANARY_MESH_DEGREE=129
variable KUBE_CANARY_MESH_FULL_BELOW KUBE_CANARY_MESH_FULL_BELOW=-1
line 198.18.0.999 '198.18.0.999 three'
line node-3 'node-3 198.18.0.3'
line 198.18.0.2 '198.18.0.2 again'
line two '198.18.0.3 two'
line rack=x '198.18.0.3 three rack=x'
line zone= '198.18.0.3 three zone='
line zone=a/b '198.18.0.3 three zone=a/b'
line zone=b '198.18.0.3 three zone=a zone=b'
line 224.0.0.1 '224.0.0.1 group'
line fe80::1 'fe80::1 local'
note "$kinds kinds of bad input, each refused with one line"

# And good input is not.
timeout 5 "$KUBE_CANARY" --check-config --peers.static=b=198.18.0.2 > /dev/null || fail "good input is refused"
timeout 5 "$KUBE_CANARY" --check-config --peers.static=b=198.18.0.2 --peers.static=b=fd00:18::2 --peers.linger=0s \
  --peers.zone=a=198.18.0.0/24 --peers.zone=b=198.18.0.0/25 > /dev/null || fail "one name of each family is refused"
printf '198.18.0.2 two zone=a\nfd00:18::2 two probe=icmp zone=a\n' > "$SCRATCH/peers"
timeout 5 "$KUBE_CANARY" --check-config --peers.file="$SCRATCH/peers" > /dev/null || fail "a file with zones is refused"
printf '# nobody yet\n\n' > "$SCRATCH/peers"
timeout 5 "$KUBE_CANARY" --check-config --peers.file="$SCRATCH/peers" > /dev/null || fail "a file of comments is refused"

# Found by the canary only, who is another user: the loader's parent could read it.
chmod 600 "$SCRATCH/peers"
status=0
timeout 10 unshare -n "$KUBE_CANARY" --peers.file="$SCRATCH/peers" 2> "$SCRATCH/error" || status=$?
assert_eq "$status" 2 "exit status with a peers file that only root can read ($(tail -n 3 "$SCRATCH/error"))"
grep -q 'peers file.*Permission denied' "$SCRATCH/error" || fail "the file is not named: $(cat "$SCRATCH/error")"
! grep -q 'last good set' "$SCRATCH/error" || fail "there is no last good set"
note "a peers file that only root can read: status 2"
