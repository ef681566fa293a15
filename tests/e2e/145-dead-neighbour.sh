#!/usr/bin/env bash
# A neighbour that does not answer ARP or neighbour discovery, be it the peer or its gateway, gets no packet of
# ours, and no program of ours sees one: that is loss all the same, and says nothing about the programs.
source "$(dirname "$0")/lib.sh"

nodes_on_bridge a b
in_ns a ip route add 198.18.90.0/24 via 198.18.0.66
in_ns a ip route add 198.18.91.0/24 via inet6 fd00:18::66
in_ns a ip route add fd00:90::/64 via fd00:18::66
# A neighbour that falls silent is noticed within seconds.
in_ns a sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=500 net.ipv6.neigh.eth0.base_reachable_time_ms=500 \
  net.ipv4.neigh.eth0.delay_first_probe_time=1 net.ipv6.neigh.eth0.delay_first_probe_time=1

DEAD=(absent-v4 absent-v6 behind-v4 behind-v4-via-v6 behind-v6)
DEAD_PEERS=(--peers.static=absent-v4=198.18.0.44 --peers.static=absent-v6=fd00:18::44
  --peers.static=behind-v4=198.18.90.1 --peers.static=behind-v4-via-v6=198.18.91.1 --peers.static=behind-v6=fd00:90::1)
LIVE=(live-v4 live-v6)
PACE=(--probe.interval=50ms --probe.timeout=200ms)

programs_are_fine() { # WHEN
  local file
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped $1"
  assert_eq "$(metric "$file" kube_canary_attached 'direction="egress"')" 1 "egress $1"
  assert_eq "$(metric "$file" kube_canary_attached 'direction="ingress"')" 1 "ingress $1"
  assert_eq "$(metric "$file" kube_canary_capacity_exceeded_total)" 0 "capacity exceeded $1"
  assert_invariant "$file"
}

grows() { # BY NAME PEER
  local before
  before=$(value a "$2" "peer=\"$3\"")
  eventually 15 at_least $((before + $1)) a "$2" "peer=\"$3\"" || fail "$2 of $3 stays at $(value a "$2" "peer=\"$3\"")"
}

# Longer than the kernel asks in vain (3 s), so that its giving up is among it.
all_are_lost() { # PEER…
  local peer file
  for peer in "$@"; do grows 10 kube_canary_probes_lost_total "$peer"; done
  grows 90 kube_canary_probes_lost_total "$1"
  file=$(scrape a)
  for peer in "$@"; do
    assert_at_least "$(metric "$file" kube_canary_probes_lost_total "peer=\"$peer\"")" 90 "lost of $peer"
  done
}

unresolved() { # NUMBER: so many neighbours are, a question for eventually
  [ "$(in_ns a ip neighbour show dev eth0 | grep -cE ' (INCOMPLETE|FAILED)')" -ge "$1" ]
}

# Nobody at all is there.
canary_start a "${DEAD_PEERS[@]}" "${PACE[@]}"
all_are_lost "${DEAD[@]}"
programs_are_fine "with dead neighbours only"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_returned_total)" 0 "returned of dead peers"
assert_eq "$(http_get a /-/ready > /dev/null && echo yes)" yes "readiness"
canary_stop a

# Dead ones beside one that lives, dies and lives again.
canary_start a "${DEAD_PEERS[@]}" "${PACE[@]}" --peers.static=live-v4=198.18.0.2 --peers.static=live-v6=fd00:18::2
for peer in "${LIVE[@]}"; do grows 40 kube_canary_probes_returned_total "$peer"; done
programs_are_fine "beside a live neighbour"
for peer in "${LIVE[@]}"; do
  assert_eq "$(value a kube_canary_probes_lost_total "peer=\"$peer\"")" 0 "lost of $peer"
done
for way in addresses link; do
  if [ "$way" = addresses ]; then
    in_ns b ip address flush dev eth0
  else
    in_ns b ip link set dev eth0 down
  fi
  eventually 20 unresolved 6 || fail "$way: the kernel still knows: $(in_ns a ip neighbour show)"
  all_are_lost "${LIVE[@]}"
  programs_are_fine "when the neighbour is dead ($way)"
  in_ns b ip link set dev eth0 up
  in_ns b ip address flush dev eth0
  address b eth0 198.18.0.2/24 fd00:18::2/64
  for peer in "${LIVE[@]}"; do grows 20 kube_canary_probes_returned_total "$peer"; done
  sleep 0.5 # the last that were held back are settled
  programs_are_fine "when the neighbour is back ($way)"
done
all_are_lost "${DEAD[@]}"
programs_are_fine "at the end"
canary_stop a
