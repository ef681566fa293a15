#!/usr/bin/env bash
# Our sender against a session-reflector that nobody here wrote (scapy's contrib.stamp), which dissects and checks every
# probe: both formats of time, a reflector that copies TLVs and one that knows none.
export PROTOCOL=stamp
source "$(dirname "$0")/../e2e/lib.sh"
# Debian's own, for which its packages are.
/usr/bin/python3 -c 'import scapy.contrib.stamp' 2> /dev/null || skip "python3-scapy is not installed"

two_nodes
run() { # ADDRESS FORMAT TLVS OPTION…
  local file
  rm -f "$SCRATCH/reflector"
  ip netns exec "$PREFIX-b" /usr/bin/python3 "$TOP/tests/interop/reflector.py" "$1" "$2" "$3" "$SCRATCH/reflector" \
    2>> "$SCRATCH/scapy.log" &
  REFLECTOR=$!
  own_process "$REFLECTOR"
  eventually 20 test -e "$SCRATCH/reflector" || fail "scapy does not start"
  canary_start a --peers.static="$1" --probe.interval=20ms "${@:4}"
  eventually 30 at_least 150 a kube_canary_probes_returned_total || fail "$*: not measured"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$*: lost"
  assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 "$*: rejected"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$*: unstamped"
  assert_eq "$(metric "$file" kube_canary_peers 'state="unnamed"')" 1 "$*: a foreign reflector has no name"
  assert_invariant "$file"
  canary_stop a
  sleep 0.2
  kill -TERM "$REFLECTOR"
  wait "$REFLECTOR" || fail "$*: $(sort -u "$SCRATCH/scapy.log" | head -n 5)"
  assert_eq "$(awk '$1 == "sessions" { print $2 }' "$SCRATCH/reflector")" 4 "$*: sessions"
  note "$*: $(tr '\n' ' ' < "$SCRATCH/reflector")"
}

run 198.18.0.2 ntp tlvs
run 198.18.0.2 ptp bare
run fd00:18::2 ptp tlvs --probe.size=400
run fd00:18::2 ntp bare
