#!/usr/bin/env bash
# A session-sender that nobody here wrote (scapy's contrib.stamp) against our reflector: both formats of time, with and
# without TLVs that it does not know, over both families. Every field of every reply is checked.
export PROTOCOL=stamp
source "$(dirname "$0")/../e2e/lib.sh"
# Debian's own, for which its packages are.
/usr/bin/python3 -c 'import scapy.contrib.stamp' 2> /dev/null || skip "python3-scapy is not installed"

two_nodes
canary_start a --peers.static=198.18.0.2 --peers.static=fd00:18::2 --mesh.degree=0
eventually 5 http_get a /-/ready > /dev/null || fail "not ready"
total=0
for target in 198.18.0.1 fd00:18::1; do
  for format in ntp ptp; do
    for tlvs in none unknown padding several; do
      words=$(in_ns b /usr/bin/python3 "$TOP/tests/interop/sender.py" $target $format $tlvs 20 2>&1) || fail "$target: $words"
      total=$((total + 20))
    done
  done
done
assert_eq "$(value a kube_canary_reflected_total)" "$total" reflected
assert_eq "$(value a kube_canary_reflect_refused_total)" 0 refused
note "$total probes by scapy answered: 2 families, 2 formats of time, 4 sets of TLVs; every field checked"
canary_stop a
