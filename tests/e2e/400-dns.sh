#!/usr/bin/env bash
# Peers from DNS alone, by a real name server: nodes measure each other; while the server is dead they go on;
# when it is back with another address, that is taken.
# shellcheck disable=SC2034 # for lib.sh
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
need dnsmasq

two_nodes
address b eth0 198.18.0.3/24 198.18.0.53/24
hosts=$SCRATCH/hosts
echo 'nameserver 198.18.0.53' > "$SCRATCH/resolv.conf"
DNS=0

dns_start() { # ADDRESS…
  local address
  for address in "$@"; do
    echo "$address canaries.test"
  done > "$hosts"
  ip netns exec "$PREFIX-b" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --addn-hosts="$hosts" \
    --listen-address=198.18.0.53 --bind-interfaces --local-ttl=1 --pid-file= --user=root --log-facility=- \
    2>> "$SCRATCH/dnsmasq.log" &
  DNS=$!
  own_process "$DNS"
}

# The namespace's mounts are its own: the machine's file stays as it is.
# shellcheck disable=SC2016 # for the inner shell
CANARY_UNDER=(sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$SCRATCH/resolv.conf")
has_peer() { equals 1 a kube_canary_peer_info "address=\"$1\""; }
has_no_peer() { equals 0 a kube_canary_peer_info "address=\"$1\""; }

dns_start 198.18.0.1 198.18.0.2 fd00:18::1 fd00:18::2
for node in a b; do
  canary_start "$node" --node.name="node-$node" --peers.dns=canaries.test --probe.interval=50ms --probe.timeout=200ms
done
for node in a b; do
  eventually 15 equals 2 "$node" kube_canary_peers 'state="probed"' || fail "$node does not find the other's two addresses"
  eventually 10 at_least 100 "$node" kube_canary_probes_returned_total || fail "$node does not measure"
  assert_eq "$(value "$node" kube_canary_discovery_addresses 'source="dns"')" 4 "addresses that $node was told"
done
has_peer 198.18.0.2 || fail "198.18.0.2 is no peer"
has_no_peer 198.18.0.1 || fail "its own address is a peer of a"
# A name that is learnt makes its series start anew: not while they are compared.
eventually 20 equals 1 a kube_canary_peer_info 'peer="node-b"' || fail "the peer's name is not learnt"

# Dead: no news.
kill -KILL "$DNS"
wait "$DNS" 2> /dev/null || true
failures=$(value a kube_canary_discovery_failures_total 'source="dns"')
eventually 15 at_least $((failures + 1)) a kube_canary_discovery_failures_total 'source="dns"' || fail "no failure is counted"
sent=$(value a kube_canary_probes_sent_total)
sleep 10
assert_eq "$(value a kube_canary_peers 'state="probed"')" 2 "peers without a name server"
assert_at_least "$(value a kube_canary_probes_sent_total)" $((sent + 300)) "probes without a name server"
assert_eq "$(grep -c 'stays in force' "$SCRATCH/canary-a.log")" 1 "lines about the failure"

# Back, with another address.
dns_start 198.18.0.1 198.18.0.3 fd00:18::1 fd00:18::2
eventually 45 has_peer 198.18.0.3 || fail "a new address is not taken"
has_no_peer 198.18.0.2 || fail "an address that the answer has no longer is still a peer"
has_peer fd00:18::2 || fail "an address that stays is no peer any more"
eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "the new address is not measured"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
canary_stop b
