#!/usr/bin/env bash
# Mixed meshes: a peer by ICMP in a file of STAMP peers and the other way round, a node that does not reflect, a node that
# only reflects, another port; over each hook.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"

two_nodes
address b eth0 198.18.0.3/24
cat > "$SCRATCH/peers" <<PEERS
198.18.0.2
198.18.0.3 quiet probe=icmp
fd00:18::2 probe=stamp
PEERS
chmod 644 "$SCRATCH/peers"

for hook in tcx clsact xdp; do
  canary_start b --node.name=node-b --mesh.degree=0 --stamp.port=8620 --bpf.hook=$hook \
    --peers.static=198.18.0.1 --peers.static=fd00:18::1
  assert_eq "$(value b kube_canary_peers 'state="probed"')" 0 "$hook: peers that b probes"
  canary_start a --node.name=node-a --peers.file="$SCRATCH/peers" --stamp.port=8620 --bpf.hook=$hook \
    --probe.interval=50ms --peers.family=both
  eventually 10 at_least 30 a kube_canary_rtt_seconds_count 'peer="quiet"' || fail "$hook: no RTT by ICMP"
  eventually 10 at_least 30 a kube_canary_rtt_seconds_count 'peer="node-b"' || fail "$hook: no RTT by STAMP"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_peer_info 'probe="icmp"')" 1 "$hook: peers by ICMP"
  assert_eq "$(metric "$file" kube_canary_peer_info 'probe="stamp"')" 2 "$hook: peers by STAMP"
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$hook: lost"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$hook: unstamped"
  assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" 0 "$hook: duplicates"
  assert_invariant "$file"
  file=$(scrape b)
  assert_at_least "$(metric "$file" kube_canary_reflected_total)" 60 "$hook: reflected by b"
  assert_eq "$(metric "$file" kube_canary_probes_sent_total)" 0 "$hook: sent by b"
  assert_eq "$(http_get b /-/ready > /dev/null && echo yes)" yes "$hook: readiness of the node that only reflects"
  note "$hook: $(metric "$file" kube_canary_reflected_total) reflected, $(metric "$(scrape a)" kube_canary_rtt_seconds_count) RTTs"
  canary_stop a
  canary_stop b
done

# Without a reflector the peer's kernel refuses; by ICMP it answers.
canary_start b --reflector=false --peers.static=198.18.0.1 --probe.interval=50ms
canary_start a --peers.static=198.18.0.2 --probe.interval=50ms
eventually 10 at_least 20 a kube_canary_probes_refused_total || fail "not refused by a node that does not reflect"
eventually 10 at_least 20 b kube_canary_probes_returned_total || fail "a does not reflect"
assert_eq "$(value b kube_canary_reflected_total)" 0 "reflected with --reflector=false"
canary_stop a
KUBE_CANARY_PROBE_PROTOCOL=icmp canary_start a --peers.static=198.18.0.2 --probe.interval=50ms
eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "no RTT by ICMP"
assert_eq "$(value a kube_canary_peer_info 'probe="icmp"')" 1 "peers by ICMP"
canary_stop a
canary_stop b
