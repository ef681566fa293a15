#!/usr/bin/env bash
# A file of peers as a ConfigMap is mounted: swapped, written in place, renamed, gone, full of garbage: it is read when it
# changes, and the last good set stays. More peers than there is room for, in the directory or among the probed, are
# counted, said once, never fatal, and taken when there is room.
source "$(dirname "$0")/lib.sh"

two_nodes
for host in $(seq 3 15); do address b eth0 "198.18.0.$host/24"; done
volume=$SCRATCH/volume
log=$SCRATCH/canary-a.log
mkdir "$volume"
lines() { for host in "$@"; do echo "198.18.0.$host"; done; } # HOST…
swap() { # VERSION HOST…: as kubelet does it
  mkdir "$volume/..$1"
  lines "${@:2}" > "$volume/..$1/peers"
  ln -s "..$1" "$volume/..data_tmp"
  mv -T "$volume/..data_tmp" "$volume/..data"
  find "$volume" -mindepth 1 -maxdepth 1 -type d ! -name "..$1" -exec rm -r {} +
}
probed() { sed -n 's/^kube_canary_probes_sent_total{peer="198.18.0.\([0-9]*\)".*/\1/p' "$(scrape a)" | sort -n | tr '\n' ' '; }
probes() { [ "$(probed)" = "$* " ]; } # HOST…
taken() { eventually 4 probes "${@:2}" || fail "$1: it probes $(probed)instead of ${*:2}"; } # HOW HOST…
stays() { # HOW HOST…: for longer than a change takes, and probed all the while
  local how=$1 before end=$((SECONDS + 2))
  before=$(value a kube_canary_probes_returned_total)
  while [ $SECONDS -lt $end ]; do
    probes "${@:2}" || fail "$how: it probes $(probed)instead of ${*:2}"
  done
  assert_at_least "$(value a kube_canary_probes_returned_total)" $((before + 10)) "probes answered meanwhile"
}
reload() { value a kube_canary_config_last_reload_successful; }

swap 1 2 3
ln -s ..data/peers "$volume/peers"
canary_start a --peers.file="$volume/peers" --peers.linger=0s --probe.interval=50ms --probe.timeout=500ms
taken "at the start" 2 3
swap 2 2 4
taken "after a swap" 2 4
swap 3 3 4
taken "after another swap" 3 4
lines 3 5 > "$volume/..3/peers"
taken "written in place" 3 5
lines 3 6 > "$volume/..3/new"
mv "$volume/..3/new" "$volume/..3/peers"
taken "renamed" 3 6

# Gone, with its folder; SIGHUP has it read again at once, in vain.
failures() { value a kube_canary_config_reload_failures_total; }
mv "$volume/..3" "$SCRATCH/away"
eventually 3 equals 0 a kube_canary_config_last_reload_successful || fail "a file that is gone was read"
stays "file gone" 3 6
before=$(failures)
kill -HUP "${LOADER[a]}"
eventually 1 at_least $((before + 1)) a kube_canary_config_reload_failures_total || fail "SIGHUP is not heeded"
probes 3 6 || fail "after SIGHUP without a file it probes $(probed)"
mkdir "$volume/..3"
lines 3 7 > "$volume/..3/peers"
taken "file back" 3 7
eventually 3 equals 1 a kube_canary_config_last_reload_successful || fail "file back: last reload $(reload)"

# Garbage.
head -c 5000 /dev/urandom > "$volume/..3/peers"
eventually 3 equals 0 a kube_canary_config_last_reload_successful || fail "garbage was read"
{ lines 2 3; printf '198.18.0.4 \0\n'; } > "$volume/..3/peers"
stays "garbage" 3 7
assert_at_least "$(failures)" $((before + 3)) "reloads that failed"
swap 4 2 8
taken "after garbage" 2 8
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a

# --- more than the directory has room for

surplus() { value a kube_canary_peers_surplus "limit=\"$1\""; }
said() { grep -c "level=warn.*$1" "$log" || true; } # WHAT
file=$volume/..4/peers
lines $(seq 2 9) > "$file"
canary_start a --peers.file="$volume/peers" --peers.linger=0s --peers.max=6 --probe.interval=50ms --probe.timeout=500ms
taken "room for six" 2 3 4 5 6 7
assert_eq "$(surplus peers.max) $(surplus probe.max)" "2 0" "surplus of eight with room for six"
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 6 "discovered with room for six"
assert_eq "$(said peers.max)" 1 "lines about it"
lines $(seq 2 10) > "$file"
eventually 3 equals 3 a kube_canary_peers_surplus 'limit="peers.max"' || fail "surplus of nine: $(surplus peers.max)"
assert_eq "$(said peers.max)" 1 "lines about it, still"
lines 2 3 6 7 8 9 10 > "$file"
eventually 4 equals 1 a kube_canary_peers_surplus 'limit="peers.max"' || fail "surplus of seven: $(surplus peers.max)"
lines 2 3 6 7 9 10 > "$file"
taken "room again" 2 3 6 7 9 10
assert_eq "$(surplus peers.max)" 0 "surplus of six with room for six"
canary_stop a

# --- more than are probed

: > "$log"
lines $(seq 2 8) > "$file"
canary_start a --peers.file="$volume/peers" --peers.linger=0s --probe.max=4 --probe.interval=50ms --probe.timeout=500ms
eventually 3 equals 3 a kube_canary_peers_surplus 'limit="probe.max"' || fail "surplus of seven: $(surplus probe.max)"
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 7 "discovered"
eventually 3 equals 4 a kube_canary_peers 'state="probed"' || fail "probed with room for four: $(value a kube_canary_peers 'state="probed"')"
assert_eq "$(surplus peers.max)" 0 "surplus of the directory"
assert_eq "$(said probe.max)" 1 "lines about it"
lines $(seq 2 9) > "$file"
eventually 3 equals 4 a kube_canary_peers_surplus 'limit="probe.max"' || fail "surplus of eight: $(surplus probe.max)"
assert_eq "$(said probe.max)" 1 "lines about it, still"
# Two of those that are probed leave; who takes their places was there all along.
read -r -a hosts <<< "$(probed)"
lines $(seq 2 9) | grep -vx -e "198.18.0.${hosts[0]}" -e "198.18.0.${hosts[1]}" > "$SCRATCH/new"
mv "$SCRATCH/new" "$file"
eventually 5 equals 2 a kube_canary_peers_surplus 'limit="probe.max"' || fail "surplus of six: $(surplus probe.max)"
fills() { [ "$(probed | wc -w)" = 4 ] && [[ " $(probed)" != *" ${hosts[0]} "* ]]; }
eventually 5 fills || fail "of six, with room for four, it probes $(probed)"
eventually 5 invariant_holds a || fail "verdicts do not add up"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
