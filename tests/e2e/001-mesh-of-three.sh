#!/usr/bin/env bash
# Three nodes on a bridge, each with both families and the same peers file: all measure all others, nothing
# is lost, nobody measures itself, and the exposition is what promtool wants.
source "$(dirname "$0")/lib.sh"
need promtool

nodes_on_bridge a b c

for node in a b c; do
  canary_start "$node" --node.name="node-$node" --node.zone="zone-$node" --peers.file="$SCRATCH/peers" \
    --probe.interval=100ms
done

for node in a b c; do
  for peer in a b c; do
    for family in v4 v6; do
      if [ "$peer" = "$node" ]; then
        assert_eq "$(grep -c "peer=\"$peer-$family\"" "$(scrape "$node")" || true)" 0 "series of $node about itself"
      else
        eventually 20 at_least 20 "$node" kube_canary_rtt_seconds_count "peer=\"$peer-$family\"" ||
          fail "$node does not measure $peer-$family: $(grep "_total{peer=\"$peer-$family" "$(scrape "$node")")"
      fi
    done
  done
done

for node in a b c; do
  file=$(scrape "$node")
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost in $node"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped in $node"
  assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" 0 "rejected in $node"
  assert_eq "$(metric "$file" kube_canary_peers 'state="probed"')" 4 "probed peers of $node"
  assert_eq "$(metric "$file" kube_canary_attached 'interface="eth0"' 'direction="egress"')" 1 "attached to egress"
  assert_eq "$(metric "$file" kube_canary_attached 'interface="eth0"' 'direction="ingress"')" 1 "attached to ingress"
  assert_eq "$(metric "$file" kube_canary_node_info "node=\"node-$node\"" "zone=\"zone-$node\"")" 1 "node_info"
  assert_invariant "$file"
  assert_eq "$(promtool check metrics < "$file" 2>&1)" "" "words of promtool"
  assert_eq "$(http_get "$node" /-/ready > /dev/null && echo yes)" yes "readiness"
done
for node in a b c; do canary_stop "$node"; done
