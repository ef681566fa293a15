#!/usr/bin/env bash
# Peers from DNS alone, by a real name server: nodes measure each other, each is one peer by its name, and an address
# that replaces another one is taken. How servers fail is 401's.
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

options=(--peers.dns=canaries.test --probe.interval=50ms --probe.timeout=200ms)
dns_start 198.18.0.1 198.18.0.2 fd00:18::1 fd00:18::2
for node in b a; do # who is asked for his name before he is there is asked again after 10 s
  canary_start "$node" --node.name="node-$node" "${options[@]}"
done
for node in a b; do
  eventually 10 at_least 20 "$node" kube_canary_probes_returned_total || fail "$node does not measure"
  assert_eq "$(value "$node" kube_canary_discovery_addresses 'source="dns"')" 4 "addresses that $node was told"
done
# One peer by its name, of two addresses; a name that is learnt makes its series start anew.
eventually 15 equals 1 a kube_canary_peers 'state="twin"' || fail "a does not find that two addresses are one peer's"
assert_eq "$(value a kube_canary_peers 'state="probed"')" 1 "peers of a"
has_peer 198.18.0.2 || fail "198.18.0.2 is no peer"
has_no_peer 198.18.0.1 || fail "its own address is a peer of a"
assert_eq "$(value a kube_canary_peer_info 'peer="node-b"')" 1 "peers of the name node-b"

# The node has another address: it is taken under its name, without lingering.
kill -TERM "$DNS"
wait "$DNS" 2> /dev/null || true
dns_start 198.18.0.1 198.18.0.3 fd00:18::1 fd00:18::2
eventually 15 has_peer 198.18.0.3 || fail "a new address is not taken"
eventually 5 equals 1 a kube_canary_peers 'state="twin"' || fail "the node is not one peer again"
has_no_peer 198.18.0.2 || fail "an address that the answer has no longer is still a peer"
has_no_peer fd00:18::2 || fail "the node is two peers"
assert_eq "$(value a kube_canary_peer_info 'peer="node-b"' 'address="198.18.0.3"')" 1 "the node by its name"
eventually 10 at_least 20 a kube_canary_probes_returned_total || fail "the new address is not measured"
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
canary_stop b
