#!/usr/bin/env bash
# Our own addresses are no peers, on whatever interface and in whatever form they are named, even if they move here
# later; and who is who where one address has two names, or one name two addresses.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes
address b eth0 198.18.0.3/24 198.18.0.4/24 198.18.0.5/24
address a eth0 198.18.0.11/24 198.18.0.12/24 198.18.0.13/32
address a lo 198.18.0.21/32 fd00:18::21/128
in_ns a ip link add other type bridge # without a carrier; not every kernel has dummies
in_ns a ip link set other up
address a other 198.18.7.1/24 fd00:7::1/64
peers=$SCRATCH/peers
log=$SCRATCH/canary-a.log

own=(198.18.0.1 198.18.0.11 ::ffff:198.18.0.12 ::ffff:c612:d 198.18.0.21 198.18.7.1 127.0.0.1 127.1.2.3 ::1 fd00:18::1
  FD00:18:0:0:0:0:0:21 fd00:7::1)
{ printf '%s\n' "${own[@]}"; echo '::ffff:198.18.0.3 by-ipv6-mapped probe=icmp'; echo '198.18.0.4 moving probe=icmp'; } > "$peers"
probes_only() { # LABEL…: these are all who have series
  [ "$(sed -n 's/^kube_canary_probes_sent_total{peer="\([^"]*\)".*/\1/p' "$(scrape a)" | LC_ALL=C sort | tr '\n' ' ')" = "$* " ]
}
shown() { grep -h '^kube_canary_peer_info' "$(scrape a)"; }
measured() { # LABEL
  eventually 5 at_least 10 a kube_canary_probes_returned_total "peer=\"$1\"" || fail "$1 is not measured: $(shown)"
}

canary_start a --node.name=node-a --peers.file="$peers" --peers.linger=0s --probe.interval=50ms --probe.timeout=500ms
eventually 5 probes_only by-ipv6-mapped moving || fail "more or less than two peers: $(shown)"
measured by-ipv6-mapped
measured moving
probes_only by-ipv6-mapped moving || fail "more or less than two peers: $(shown)"
assert_eq "$(value a kube_canary_peer_info 'peer="by-ipv6-mapped"' 'address="198.18.0.3"')" 1 "an IPv4 address in IPv6 form"
assert_eq "$(value a kube_canary_peers 'state="discovered"')" $((${#own[@]} + 2)) "discovered"
assert_eq "$(value a kube_canary_peers 'state="probed"')" 2 "probed"
assert_eq "$(value a kube_canary_peers 'state="known"')" 0 "known: an own address is not"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost

# --- an address moves to us, and away again

address a lo 198.18.0.4/32
in_ns b ip address delete 198.18.0.4/24 dev eth0
eventually 5 probes_only by-ipv6-mapped || fail "an address that has moved to us is still probed: $(shown)"
address b eth0 198.18.0.4/24
in_ns a ip address delete 198.18.0.4/32 dev lo
eventually 5 probes_only by-ipv6-mapped moving || fail "an address that has moved away is not probed: $(shown)"
measured moving
assert_eq "$(value a kube_canary_probes_lost_total 'peer="by-ipv6-mapped"')" 0 "lost of who stayed"

# The same for one that no interface has, but a local route.
echo '198.18.0.5 routed probe=icmp' >> "$peers"
measured routed
in_ns a ip route add local 198.18.0.5/32 dev lo
eventually 5 probes_only by-ipv6-mapped moving || fail "an address that is routed to us is still probed: $(shown)"
in_ns a ip route delete local 198.18.0.5/32 dev lo
eventually 5 probes_only by-ipv6-mapped moving routed || fail "an address that is not routed to us any more is not probed: $(shown)"
before=$(value a kube_canary_probes_returned_total 'peer="routed"')
eventually 5 at_least $((before + 5)) a kube_canary_probes_returned_total 'peer="routed"' || fail "it is not measured"

# --- one address, two names: within one source that is an error, of two sources the heavier one's word stands

printf '198.18.0.3 three\n198.18.0.3 drei\n' > "$peers"
eventually 5 grep -q 'line 2: .*already on an earlier line' "$log" || fail "one address with two names is not refused"
printf '198.18.0.3 three\n::ffff:198.18.0.3 drei\n' > "$peers"
eventually 5 sh -c "[ \$(grep -c 'line 2: .*already on an earlier line' '$log') -ge 2 ]" || fail "nor in two forms"
probes_only by-ipv6-mapped moving routed || fail "a refused file has changed something: $(shown)"
# One name, two addresses of one family: likewise.
printf '198.18.0.3 three\n198.18.0.4 three\n' > "$peers"
eventually 5 grep -q "line 2: .*already another address's" "$log" || fail "one name at two addresses is not refused"
probes_only by-ipv6-mapped moving routed || fail "a refused file has changed something: $(shown)"
canary_stop a

printf '198.18.0.3 clerk probe=icmp\n198.18.0.4 boss probe=icmp\nfd00:18::2 chief probe=icmp\n' > "$peers"
canary_start a --node.name=node-a --peers.static=boss=198.18.0.3 --peers.static=198.18.0.2 --peers.file="$peers" \
  --probe.protocol=icmp --probe.interval=50ms
eventually 5 probes_only 198.18.0.2 198.18.0.4 boss chief || fail "two names and two addresses: $(shown)"
assert_eq "$(value a kube_canary_peer_info 'peer="boss"' 'address="198.18.0.3"')" 1 "the name that the command line gives"
canary_stop a

# --- one node that says its name at two addresses of one family: the second goes by its address

canary_start b --node.name=node-b --peers.static=198.18.0.1
canary_start a --node.name=node-a --peers.static=198.18.0.2 --peers.static=198.18.0.3 --probe.interval=50ms
eventually 10 at_least 1 a kube_canary_identities_refused_total 'reason="taken"' || fail "the second claim is not counted"
probes_only 198.18.0.2 node-b || probes_only 198.18.0.3 node-b || fail "one name at two addresses: $(shown)"
canary_stop a
canary_stop b
