#!/usr/bin/env bash
# A peer that does not answer is lost, and one that cannot be reached is a send error or lost: never charged
# to the others, never fatal.
# Alone: it counts probes against time.
source "$(dirname "$0")/lib.sh"

two_nodes
address b eth0 198.18.0.3/24
in_ns a ip route add prohibit 198.18.77.0/24
# A router's ICMP errors must not hit the sends of others.
in_ns b sysctl -qw net.ipv4.ip_forward=1
in_ns a ip route add 198.18.88.0/24 via 198.18.0.2
in_ns b ip route add unreachable 198.18.88.0/24
canary_start a --peers.static=good=198.18.0.2 --peers.static=silent=198.18.0.44 --peers.static=refusing=198.18.88.1 \
  --peers.static=prohibited=198.18.77.1 --peers.static=routeless=203.0.113.1 --probe.interval=20ms --probe.timeout=100ms
eventually 15 at_least 200 a kube_canary_probes_returned_total 'peer="good"' || fail "the good peer is not measured"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total 'peer="good"')" 0 "lost of the good peer"
assert_eq "$(metric "$file" kube_canary_probes_returned_total 'peer="silent"')" 0 "returned of the silent peer"
assert_at_least "$(metric "$file" kube_canary_probes_lost_total 'peer="refusing"')" 100 "lost of the peer behind a refusing router"
assert_at_least "$(metric "$file" kube_canary_send_errors_total)" 100 "send errors"
sent=$(metric "$file" kube_canary_probes_sent_total 'peer="good"')
assert_between "$(metric "$file" kube_canary_probes_sent_total 'peer="refusing"')" $((sent - 20)) $((sent + 20)) \
  "sent to the refusing peer, in step with the good one"
assert_invariant "$file"
canary_stop a
