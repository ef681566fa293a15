#!/usr/bin/env bash
# Peers that no source names any more: they linger, are probed on and their loss counts; who comes back goes on where he
# was; who left in good order and is gone then has lost nothing; and without lingering all ends at once.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes
address b eth0 198.18.0.3/24 198.18.0.4/24
namespace c
wire a eth1 c eth0
address a eth1 198.18.9.1/24
address c eth0 198.18.9.2/24
peers=$SCRATCH/peers
printf '198.18.0.%d %s probe=icmp\n' 2 stays 3 returns 4 dies > "$peers"
echo '198.18.9.2 stopped' >> "$peers"

has_series() { [ "$(grep -c "^kube_canary_[a-z_]*{.*peer=\"$1\"" "$(scrape a)")" -gt 0 ]; } # LABEL
has_none() { ! has_series "$1"; }
is() { equals 1 a kube_canary_peer_info "peer=\"$1\"" "state=\"$2\""; } # LABEL STATE
sent() { value a kube_canary_probes_sent_total "peer=\"$1\""; }
lost() { value a kube_canary_probes_lost_total "peer=\"$1\""; }
refused_on() { # another five
  eventually 5 at_least $(($(value a kube_canary_probes_refused_total 'peer="stopped"') + 5)) a \
    kube_canary_probes_refused_total 'peer="stopped"' || fail "a node whose canary is stopped does not refuse"
}

canary_start c --node.name=node-c --peers.static=198.18.9.1
canary_start a --peers.file="$peers" --peers.linger=5s --probe.interval=50ms --probe.timeout=200ms
for peer in stays returns dies stopped; do
  eventually 10 at_least 10 a kube_canary_probes_returned_total "peer=\"$peer\"" || fail "$peer is not measured"
  is "$peer" probed || fail "$peer is not said to be probed"
done
assert_eq "$(value a kube_canary_peers 'state="lingering"')" 0 "lingering at first"

# --- one canary ends in good order, and its node leaves the file with two others; one of those dies

canary_stop c
refused_on
is stopped probed || fail "who refuses but is named is not said to be probed"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 "lost so far"
before=$(sent returns)
left=$EPOCHREALTIME
grep stays "$peers" > "$SCRATCH/new"
mv "$SCRATCH/new" "$peers"
in_ns b ip address delete 198.18.0.4/24 dev eth0
eventually 3 equals 3 a kube_canary_peers 'state="lingering"' || fail "three left, $(value a kube_canary_peers 'state="lingering"') linger"
for peer in returns dies stopped; do is "$peer" lingering || fail "$peer is not said to linger"; done
is stays probed || fail "who stays is not said to be probed"
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 1 "discovered, with three lingering"
assert_eq "$(value a kube_canary_peers 'state="probed"')" 4 "probed, those that linger among them"
refused_on
is stopped lingering || fail "who refuses does not linger on"

# Back within the time: nothing has happened.
echo '198.18.0.3 returns probe=icmp' >> "$peers"
eventually 3 is returns probed || fail "who is back still lingers"
assert_at_least "$(sent returns)" $((before + 5)) "probes to who was away for a moment, since before"
assert_eq "$(lost returns)" 0 "lost of who was away for a moment"

# Its host goes, too: it departs, and loses nothing.
was_lost() { [ "$(lost stopped)" != 0 ]; }
in_ns c ip link set eth0 down
while has_series stopped; do
  ! was_lost || fail "of who left in good order $(lost stopped) are lost"
  awk -v now="$EPOCHREALTIME" -v left="$left" 'BEGIN { exit !(now - left < 4.5) }' || fail "whose host is gone is still there"
done

# Who died is lost, as long as he lingers; then there are no series of his.
eventually 3 at_least 10 a kube_canary_probes_lost_total 'peer="dies"' || fail "of who died $(lost dies) are lost while he lingers"
is dies lingering || fail "who died does not linger"
eventually 8 has_none dies || fail "the series of who died do not end"
assert_between "$(awk -v now="$EPOCHREALTIME" -v left="$left" 'BEGIN { print now - left }')" 5 7.5 "seconds that he lingered"
sleep 1
has_series stays && has_series returns || fail "with those who left others ended"
assert_eq "$(value a kube_canary_peers 'state="lingering"')" 0 "lingering at last"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 "lost of those who are left"
assert_at_least "$(sent returns)" $((before + 60)) "probes to who was away for a moment, since before"
assert_invariant "$(scrape a)"
canary_stop a

# --- without lingering

canary_start a --peers.file="$peers" --peers.linger=0s --probe.interval=50ms --probe.timeout=200ms
eventually 5 at_least 5 a kube_canary_probes_returned_total 'peer="returns"' || fail "returns is not measured"
sed -i '/returns/d' "$peers"
eventually 2 has_none returns || fail "with --peers.linger=0s the series do not end at once"
is stays probed || fail "who stays is not probed"
canary_stop a
