#!/usr/bin/env bash
# A peer whose replies come in fragments, which no program can pair: that peer's own matter while others are
# measured, and never one of readiness. Alone on its interface it is all that is known of our program there.
source "$(dirname "$0")/lib.sh"

two_nodes
namespace c
wire b eth1 c eth0
address b eth1 198.18.1.1/24
address c eth0 198.18.1.2/24
in_ns b sysctl -qw net.ipv4.conf.all.forwarding=1
in_ns a ip route add 198.18.1.0/24 via 198.18.0.2
in_ns c ip route add 198.18.0.0/24 via 198.18.1.1 mtu lock 600
in_ns a ping -qc 2 -i 0.1 -W 1 -s 1000 198.18.1.2 > /dev/null || fail "the test's own routes do not work"
canary_start b --peers.static=198.18.0.1 --mesh.degree=0
reflector_start c ordinary

ready() { http_get a /-/ready > /dev/null; }
unstamped() { value a kube_canary_probes_unstamped_total "peer=\"$1\""; }
start() { # PROTOCOL OPTION…
  canary_start a --probe.protocol="$1" --probe.interval=50ms --probe.timeout=100ms --probe.size=1000 "${@:2}"
}

for protocol in stamp icmp; do
  : > "$SCRATCH/canary-a.log"
  start $protocol --peers.static=good=198.18.0.2 --peers.static=odd=198.18.1.2
  eventually 5 ready || fail "$protocol: not ready"
  eventually 5 at_least 20 a kube_canary_probes_returned_total 'peer="good"' || fail "$protocol: good is not measured"
  for ((i = 0; i < 20; i++)); do
    assert_eq "$(value a kube_canary_attached)" 2 "$protocol: attached, both ways"
    ready || fail "$protocol: one peer makes the node not ready"
    sleep 0.1
  done
  eventually 10 at_least 30 a kube_canary_probes_unstamped_total 'peer="odd"' || fail "$protocol: odd is not unstamped"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_returned_total 'peer="odd"')" 0 "$protocol: odd returned"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total 'peer="good"')" 0 "$protocol: good unstamped"
  assert_eq "$(metric "$file" kube_canary_probes_lost_total 'peer="good"')" 0 "$protocol: good lost"
  eventually 5 grep -q 'this peer, not of all' "$SCRATCH/canary-a.log" || fail "$protocol: odd is not named"
  assert_eq "$(grep -c 'this peer, not of all' "$SCRATCH/canary-a.log")" 1 "$protocol: how often odd is named"
  grep -q 'this peer, not of all.*peer=odd' "$SCRATCH/canary-a.log" || fail "$protocol: another one is named"
  ! grep -q 'not attached as it must be' "$SCRATCH/canary-a.log" || fail "$protocol: our program is blamed"
  canary_stop a

  start $protocol --peers.static=odd=198.18.1.2
  eventually 10 equals 0 a kube_canary_attached 'direction="ingress"' || fail "$protocol: alone: nothing is measured, and called attached"
  assert_eq "$(value a kube_canary_attached 'direction="egress"')" 1 "$protocol: alone: attached, egress"
  ready || fail "$protocol: alone: a peer makes the node not ready"
  canary_stop a
done
