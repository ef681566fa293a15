#!/usr/bin/env bash
# DSCP and size are on the wire as told, don't-fragment is set, and a probe that is larger than the MTU is a
# send error, never a loss.
source "$(dirname "$0")/lib.sh"
need tshark

two_nodes
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=50ms --probe.dscp=46 \
  --probe.size=1400
in_ns b tshark -l -i eth0 -c 12 -a duration:10 -f 'icmp[0] == 8 or ip6[40] == 128' -T fields -e ip.dsfield.dscp -e ip.flags.df \
  -e ip.len -e ipv6.tclass.dscp -e ipv6.plen > "$SCRATCH/wire" 2> /dev/null || true
assert_at_least "$(grep -cP '^46\t(1|True)\t1428\t\t$' "$SCRATCH/wire")" 1 "IPv4 probes as told: $(cat "$SCRATCH/wire")"
assert_at_least "$(grep -cP '^\t\t\t46\t1408$' "$SCRATCH/wire")" 1 "IPv6 probes as told: $(cat "$SCRATCH/wire")"
assert_eq "$(grep -cvP '^(46\t(1|True)\t1428\t\t|\t\t\t46\t1408)$' "$SCRATCH/wire" || true)" 0 "other probes"
eventually 5 at_least 20 a kube_canary_probes_returned_total || fail "not measured"
canary_stop a

canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=50ms --probe.size=1473
eventually 5 at_least 20 a kube_canary_send_errors_total 'reason="too_large"' || fail "no send errors"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_sent_total)" 0 "sent, though too large"
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost, though never sent"
assert_invariant "$file"
canary_stop a
