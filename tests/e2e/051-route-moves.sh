#!/usr/bin/env bash
# A peer's route moves to another interface: we attach there, leave the old one, and keep measuring.
source "$(dirname "$0")/lib.sh"

two_nodes
wire a eth1 b eth1
address a eth1 198.18.1.1/24 fd00:18:1::1/64
address b eth1 198.18.1.2/24 fd00:18:1::2/64
address b lo 198.18.9.9/32 fd00:18:9::9/128
in_ns a ip route add 198.18.9.9 via 198.18.0.2
in_ns a ip route add fd00:18:9::9 via fd00:18::2
canary_start a --peers.static=v4=198.18.9.9 --peers.static=v6=fd00:18:9::9 --probe.interval=20ms --probe.timeout=200ms
eventually 10 at_least 50 a kube_canary_probes_returned_total || fail "not measured at first"
assert_eq "$(value a kube_canary_attached 'interface="eth0"')" 2 "attached to eth0"
assert_eq "$(value a kube_canary_attached 'interface="eth1"')" 0 "attached to eth1"

in_ns a ip route replace 198.18.9.9 via 198.18.1.2
in_ns a ip route replace fd00:18:9::9 via fd00:18:1::2
eventually 5 equals 2 a kube_canary_attached 'interface="eth1"' || fail "eth1 is not attached"
before=$(value a kube_canary_probes_returned_total 'peer="v4"')
eventually 10 at_least $((before + 50)) a kube_canary_probes_returned_total 'peer="v4"' || fail "v4 is not measured over eth1"
before=$(value a kube_canary_probes_returned_total 'peer="v6"')
eventually 10 at_least $((before + 50)) a kube_canary_probes_returned_total 'peer="v6"' || fail "v6 is not measured over eth1"
eventually 5 equals 0 a kube_canary_attached 'interface="eth0"' || fail "eth0 is still said to be attached"
# What was under way comes back there yet: it is let go of after 10 s.
eventually 15 no_tcx_programs a eth0 || fail "programs left on eth0"

# Every probe meanwhile has a verdict, and after the move all are stamped.
unstamped=$(value a kube_canary_probes_unstamped_total)
sleep 1
assert_eq "$(value a kube_canary_probes_unstamped_total)" "$unstamped" "unstamped after the move"
assert_invariant "$(scrape a)"
note "unstamped while the route moved: $unstamped"

# No route at all is a send error, not a loss.
in_ns a ip route replace unreachable 198.18.9.9
eventually 5 at_least 10 a kube_canary_send_errors_total 'reason="unreachable"' || fail "no send errors are counted"
in_ns a ip route replace 198.18.9.9 via 198.18.0.2
before=$(value a kube_canary_probes_returned_total 'peer="v4"')
eventually 10 at_least $((before + 50)) a kube_canary_probes_returned_total 'peer="v4"' || fail "v4 is not measured again"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 "lost in all that"
canary_stop a
