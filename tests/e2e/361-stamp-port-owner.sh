#!/usr/bin/env bash
# A local socket owns the port: the reflector stands back, says so, and that one answers; when it goes, ours answers again.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"

two_nodes
reflector_start b
canaries_start --probe.interval=50ms
eventually 20 at_least 40 a kube_canary_probes_returned_total || fail "a does not measure"
eventually 20 at_least 40 b kube_canary_probes_returned_total || fail "b does not measure"
assert_at_least "$(tool_count "$REFLECTOR" "$SCRATCH/reflector" replies)" 40 "replies of the socket's owner"
assert_eq "$(value b kube_canary_reflected_total)" 0 "reflected beside the owner"
assert_at_least "$(value b kube_canary_reflect_refused_total 'reason="socket"')" 40 "refused for the owner"
assert_between "$(grep -c 'level=warn.*a local socket owns' "$SCRATCH/canary-b.log")" 1 2 "lines about the owner"
reflector_stop
before=$(value a kube_canary_probes_returned_total)
eventually 20 at_least $((before + 40)) a kube_canary_probes_returned_total || fail "a does not measure after the owner left"
assert_at_least "$(value b kube_canary_reflected_total)" 40 "reflected after the owner left"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
note "$(grep -m 1 'level=warn.*a local socket owns' "$SCRATCH/canary-b.log" | sed 's/.*msg=//')"
canary_stop a
canary_stop b
