#!/usr/bin/env bash
# A peer whose replies come in over another interface than its probes went out: not measured, but never called
# lost either, while another peer on the same interface is measured as ever, so that nothing is amiss with us.
source "$(dirname "$0")/lib.sh"

namespace a
namespace b
wire a eth0 b eth0
wire a eth1 b eth1
address a eth0 198.18.0.1/24
address a eth1 198.18.1.1/24
address b eth0 198.18.0.2/24
address b eth1 198.18.1.2/24
in_ns b ip address add 198.19.0.1/32 dev lo
in_ns b ip rule add from 198.19.0.1 lookup 100
in_ns b ip route add 198.18.0.1/32 via 198.18.1.1 dev eth1 table 100
in_ns a ip route add 198.19.0.1/32 via 198.18.0.2 src 198.18.0.1
for ns in a b; do
  in_ns "$ns" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0
done
in_ns a ping -qc 2 -i 0.1 -W 1 198.19.0.1 > /dev/null || fail "the test's own routes do not work"

canary_start a --peers.static=straight=198.18.0.2 --peers.static=askew=198.19.0.1 --probe.interval=100ms --probe.timeout=200ms
eventually 10 at_least 20 a kube_canary_probes_unstamped_total 'peer="askew"' || fail "askew is not unstamped"
lost=$(value a kube_canary_probes_lost_total 'peer="askew"')
# before anything is in doubt, a few look lost
assert_between "$lost" 3 10 "askew lost before the doubt"
eventually 10 at_least 60 a kube_canary_probes_unstamped_total 'peer="askew"' || fail "askew is not unstamped for long"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total 'peer="askew"')" "$lost" "askew lost after the doubt"
assert_eq "$(metric "$file" kube_canary_probes_lost_total 'peer="straight"')" 0 "straight lost"
assert_at_least "$(metric "$file" kube_canary_probes_returned_total 'peer="straight"')" 50 "straight returned"
assert_eq "$(metric "$file" kube_canary_attached 'interface="eth0"')" 2 "attached, both ways"
assert_eq "$(http_get a /-/ready > /dev/null && echo yes)" yes "readiness"
grep -q 'replies of this peer, not of all.*peer=askew' "$SCRATCH/canary-a.log" || fail "askew is not named in the log"
note "$lost of askew's probes counted as lost before the sockets were listened to, none after"

# The way back mended: measured.
in_ns b ip rule del from 198.19.0.1 lookup 100
eventually 10 at_least 20 a kube_canary_probes_returned_total 'peer="askew"' || fail "askew is not measured again"
eventually 5 invariant_holds a || fail "sent is not the sum of the verdicts"
canary_stop a
