#!/usr/bin/env bash
# Three nodes with an IPv4 and an IPv6 address and one with IPv4 alone, found by DNS and by file: --peers.family says
# over which they are probed, a node is one peer by its name, and where a record goes the other address takes over.
export PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/dns.sh"
need unbound

namespace net
in_ns net ip link add bridge type bridge
in_ns net ip link set bridge up
in_ns net ip address add 198.18.0.53/24 dev bridge
host=1
for node in a b c d; do
  namespace "$node"
  wire "$node" eth0 net "$node"
  in_ns net ip link set dev "$node" master bridge
  address "$node" eth0 "198.18.0.$host/24"
  [ "$node" = d ] || address "$node" eth0 "fd00:18::$host/64"
  host=$((host + 1))
done
records() { printf '%s\n' "$@" | dns_records canaries.test 0; } # ADDRESS…
dns_open net 198.18.0.53
records 198.18.0.1 198.18.0.2 198.18.0.3 198.18.0.4 fd00:18::1 fd00:18::2 fd00:18::3
dns_start
dns_use 198.18.0.53

# The label sets of the peers' series in their order, on one line; then their addresses.
series() { sed -n 's/^kube_canary_probes_sent_total{\(.*\)}.*/\1/p' "$(scrape "$1")" | LC_ALL=C sort | tr -d '"' | tr '\n' ' '; } # NS
addresses() { sed -n 's/^kube_canary_peer_info{.*[{,]address="\([^"]*\)".*/\1/p' "$(scrape "$1")" | LC_ALL=C sort | tr '\n' ' '; }
shows() { [ "$(series "$1") = $(addresses "$1")" = "$2" ]; } # NS SERIES = ADDRESSES
expect() { eventually "$1" shows "$2" "$3" || fail "$4: $2 shows $(series "$2") = $(addresses "$2")"; } # SECONDS NS SHOWN WHAT

options=(--peers.dns=canaries.test. --probe.interval=100ms --probe.timeout=1s)
# Who is asked for his name before he is there is asked again after 10 s: whoever is looked at comes last.
canary_start a --node.name=node-a "${options[@]}"
canary_start c --node.name=node-c "${options[@]}"
canary_start d --node.name=node-d --peers.family=ipv4 "${options[@]}" # it has nothing else
canary_start b --node.name=node-b --peers.family=both "${options[@]}"
sorted='peer=node-a,family=ipv4 peer=node-a,family=ipv6 peer=node-c,family=ipv4 peer=node-c,family=ipv6 peer=node-d,family=ipv4 '
expect 15 b "$sorted = 198.18.0.1 198.18.0.3 198.18.0.4 fd00:18::1 fd00:18::3 " both
assert_eq "$(value b kube_canary_peers 'state="discovered"')" 7 "discovered with both"
assert_eq "$(value b kube_canary_peers 'state="probed"')" 5 "probed over both"
assert_eq "$(value b kube_canary_peers 'state="twin"')" 0 "twins over both"
canary_stop a
canary_start a --node.name=node-a --peers.family=ipv4 "${options[@]}"
expect 15 a 'peer=node-b peer=node-c peer=node-d  = 198.18.0.2 198.18.0.3 198.18.0.4 ' ipv4
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 7 "discovered, of both families"
assert_eq "$(value a kube_canary_peers 'state="twin"')" 0 "twins with IPv4 alone"
canary_stop a
canary_start a --node.name=node-a --peers.family=ipv6 "${options[@]}"
expect 15 a 'peer=node-b peer=node-c  = fd00:18::2 fd00:18::3 ' ipv6
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 7 "discovered, though IPv6 alone is probed"
canary_stop a
canary_start a --node.name=node-a --peers.family=auto "${options[@]}"
expect 15 a 'peer=node-b peer=node-c peer=node-d  = 198.18.0.2 198.18.0.3 198.18.0.4 ' auto
assert_eq "$(value a kube_canary_peers 'state="discovered"')" 7 "discovered"
assert_eq "$(value a kube_canary_peers 'state="probed"')" 3 "probed"
assert_eq "$(value a kube_canary_peers 'state="twin"')" 2 "twins"
measured() { # NS LABEL="VALUE"…
  eventually 5 at_least 10 "$1" kube_canary_probes_returned_total "${@:2}" || fail "$1 does not measure ${*:2}"
}
measured a 'peer="node-c"'
measured b 'peer="node-a"' 'family="ipv4"'
measured b 'peer="node-a"' 'family="ipv6"'
measured d 'peer="node-a"'

# --- the IPv4 record of one and the IPv6 record of another are withdrawn: nobody lingers but where no address is left

kept=$(value a kube_canary_probes_sent_total 'peer="node-c"')
records 198.18.0.1 198.18.0.3 198.18.0.4 fd00:18::1 fd00:18::2
expect 10 a 'peer=node-b peer=node-c peer=node-d  = 198.18.0.3 198.18.0.4 fd00:18::2 ' "the twin takes over"
assert_eq "$(value a kube_canary_peers 'state="lingering"')" 0 "lingering at a"
assert_eq "$(value a kube_canary_peers 'state="twin"')" 0 "twins of a"
assert_at_least "$(value a kube_canary_probes_sent_total 'peer="node-c"')" $((kept + 10)) "probes to who lost the address that is not probed"
# Over both, each family is a matter of its own.
eventually 10 equals 1 b kube_canary_peers 'state="lingering"' || fail "$(value b kube_canary_peers 'state="lingering"') linger at b"
assert_eq "$(value b kube_canary_peer_info 'peer="node-c"' 'family="ipv6"' 'state="lingering"')" 1 "IPv6 of node-c at b"
assert_eq "$(value b kube_canary_peer_info 'peer="node-c"' 'family="ipv4"' 'state="probed"')" 1 "IPv4 of node-c at b"
eventually 10 equals 1 d kube_canary_peers 'state="lingering"' || fail "whose only address is withdrawn does not linger at d"
expect 25 d 'peer=node-a peer=node-b peer=node-c  = 198.18.0.1 198.18.0.2 198.18.0.3 ' "ipv4 of a node without IPv6"
assert_eq "$(value d kube_canary_peer_info 'peer="node-b"' 'state="lingering"')" 1 "node-b at d, which knows nothing of IPv6"
measured a 'peer="node-b"'

# --- and are back

records 198.18.0.1 198.18.0.2 198.18.0.3 198.18.0.4 fd00:18::1 fd00:18::2 fd00:18::3
expect 15 a 'peer=node-b peer=node-c peer=node-d  = 198.18.0.2 198.18.0.3 198.18.0.4 ' "two addresses again"
eventually 5 equals 2 a kube_canary_peers 'state="twin"' || fail "a has $(value a kube_canary_peers 'state="twin"') twins"
for node in b d; do
  eventually 6 equals 0 "$node" kube_canary_peers 'state="lingering"' || fail "who is back still lingers at $node"
done
expect 5 b "$sorted = 198.18.0.1 198.18.0.3 198.18.0.4 fd00:18::1 fd00:18::3 " "both again"
for node in a b c d; do
  assert_eq "$(value "$node" kube_canary_probes_lost_total)" 0 "lost by $node"
done

# --- by file, which may give one name to an address of each family

canary_stop a
peers=$SCRATCH/peers
printf '198.18.0.%d %s\n' 1 node-a 2 node-b 3 node-c > "$peers"
printf 'fd00:18::%d %s\n' 2 node-b 3 node-c >> "$peers"
canary_start a --node.name=node-a --peers.file="$peers" --probe.interval=100ms
expect 5 a 'peer=node-b peer=node-c  = 198.18.0.2 198.18.0.3 ' "by file"
assert_eq "$(value a kube_canary_peers 'state="twin"')" 2 "twins by file"
sed -i '/198.18.0.2/d' "$peers"
expect 5 a 'peer=node-b peer=node-c  = 198.18.0.3 fd00:18::2 ' "the twin takes over by file"
assert_eq "$(value a kube_canary_peers 'state="lingering"')" 0 "lingering by file"
measured a 'peer="node-b"'
for node in a b c d; do canary_stop "$node"; done
