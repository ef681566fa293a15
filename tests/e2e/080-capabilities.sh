#!/usr/bin/env bash
# Root with CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW is enough; the canary then keeps uid 0 and no capability.
# With CAP_SETUID and CAP_SETGID besides it changes uid. Neither can get anything back.
source "$(dirname "$0")/lib.sh"
need setpriv

two_nodes
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

check() { # CAPABILITIES UID HOOK
  local canary set
  CANARY_UNDER=(setpriv --bounding-set="-all,$1" --inh-caps=-all)
  canary_start a --peers.static=b=198.18.0.2 --probe.interval=20ms --bpf.hook="$3"
  eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "$3 with $1: not measured"
  assert_eq "$(value a kube_canary_probes_unstamped_total)" 0 "$3 with $1: unstamped"
  canary=$(canary_pid a)
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    [ "$set" = CapBnd ] || assert_eq "$(field "$canary" "$set")" 0000000000000000 "$set of the canary ($3 with $1)"
  done
  assert_eq "$(field "$canary" Uid)" "$2" "uid of the canary ($3 with $1)"
  assert_eq "$(field "$canary" Gid)" "$2" "gid of the canary ($3 with $1)"
  assert_eq "$(field "$canary" NoNewPrivs)" 1 "no_new_privs of the canary"
  note "$3 with $1: canary uid $(field "$canary" Uid) CapEff $(field "$canary" CapEff) CapBnd $(field "$canary" CapBnd)," \
    "loader CapEff $(field "${LOADER[a]}" CapEff)"
  canary_stop a
}

for hook in tcx clsact xdp; do
  check +bpf,+net_admin,+net_raw 0 "$hook"
  check +bpf,+net_admin,+net_raw,+setuid,+setgid 65534 "$hook"
done

# CAP_SYS_ADMIN may what CAP_BPF may: where attaching again needs one of them, the one that is there is kept. A kernel
# that asks for it at each call is made of one that refuses what the loader tries without.
BPF_OBJ_GET_INFO_BY_FD=15 EPERM=1 SYS_ADMIN=21 BPF=39
for held in sys_admin bpf; do
  CANARY_UNDER=("$TOOLS/refuse" bpf "$BPF_OBJ_GET_INFO_BY_FD" "$EPERM"
    setpriv --bounding-set="-all,+$held,+net_admin,+net_raw" --inh-caps=-all)
  canary_start a --peers.static=b=198.18.0.2 --probe.interval=20ms --bpf.hook=tcx
  eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "with $held: not measured"
  bit=$SYS_ADMIN kept='no, CAP_SYS_ADMIN in its place'
  [ $held = sys_admin ] || bit=$BPF kept=yes
  assert_eq "$(field "${LOADER[a]}" CapEff)" "$(printf %016x $((1 << bit)))" "CapEff of the loader with $held"
  grep -Eq "loader keeps capabilities.* bpf=\"?$kept" "$SCRATCH/canary-a.log" || fail "with $held: does not say what it keeps"
  canary_stop a
done

# One too few is an error that says so, not a canary that measures nothing.
for missing in +net_admin,+net_raw +bpf,+net_admin; do
  CANARY_UNDER=(setpriv --bounding-set="-all,$missing" --inh-caps=-all)
  canary_launch a --peers.static=b=198.18.0.2
  eventually 5 process_ended "${LOADER[a]}" || fail "starts with only $missing"
  status=0
  wait "${LOADER[a]}" || status=$?
  assert_at_least "$status" 1 "exit status with only $missing"
done
grep -qi 'permitted\|CAP_' "$SCRATCH/canary-a.log" || fail "the error does not say what is missing"
