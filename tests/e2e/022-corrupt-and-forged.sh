#!/usr/bin/env bash
# Replies with a flipped bit, and forged ones (wrong nonce, sequence, source, length, checksum): none is
# accepted, each is counted.
source "$(dirname "$0")/lib.sh"

two_nodes_and_relay
relay_start --delay-us 1000 --corrupt-percent 20 --corrupt-requests-percent 5 --frames 1000
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --probe.interval=10ms --probe.timeout=200ms
eventually 60 relay_saw 1000 left_replies || fail "too few probes"
sleep 0.5
file=$(scrape a)
replies=$(relay_count left_replies_corrupted)
requests=$(relay_count left_requests_corrupted)
assert_at_least "$replies" 100 "corrupted replies"
assert_eq "$(metric "$file" kube_canary_replies_rejected_total)" "$replies" "rejected, by the relay's count"
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" $((replies + requests)) "lost, by the relay's count"
assert_invariant "$file"
note "corrupted replies $replies, all rejected"
canary_stop a

# All replies are corrupt for a while: what a raw socket hears of them is no proof of a blind program.
relay_stop
relay_start --delay-us 1000 --corrupt-percent 100 --frames 100
canary_start a --peers.static=v4=198.18.0.2 --probe.interval=20ms --probe.timeout=100ms
eventually 20 at_least 50 a kube_canary_probes_returned_total || fail "not measured after the corrupt replies"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 100 "lost, each to a corrupt reply"
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped, though every stamp was taken"
assert_eq "$(metric "$file" kube_canary_attached)" 2 attached
canary_stop a

# The far end stays silent, and somebody answers in its place.
relay_stop
relay_start
in_ns b sysctl -qw net.ipv4.icmp_echo_ignore_all=1 net.ipv6.icmp.echo_ignore_all=1
address b eth0 198.18.0.3/24 fd00:18::3/64
ip netns exec "$PREFIX-b" "$TOOLS/forge" "$SCRATCH/forge" eth0 300 198.18.0.77 fd00:18::77 198.18.0.3 fd00:18::3 &
forger=$!
own_process "$forger"
eventually 5 test -e "$SCRATCH/forge" || fail "the forger does not start"
canary_start a --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 --peers.static=other4=198.18.0.3 \
  --peers.static=other6=fd00:18::3 --probe.interval=20ms --probe.timeout=200ms
forged_all() { [ "$(tool_count "$forger" "$SCRATCH/forge" requests)" -ge 300 ]; }
eventually 30 forged_all || fail "too few probes"
sleep 0.3

forged() { tool_count "$forger" "$SCRATCH/forge" "$1"; }
file=$(scrape a)
rejected() { metric "$file" kube_canary_replies_rejected_total "reason=\"$1\""; }
assert_eq "$(metric "$file" kube_canary_probes_returned_total)" 0 "forged replies accepted"
assert_eq "$(metric "$file" kube_canary_rtt_seconds_count)" 0 "forged replies measured"
assert_eq "$(metric "$file" kube_canary_probes_duplicate_total)" 0 "forged replies taken for duplicates"
assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "unstamped, though every stamp was taken"
assert_eq "$(rejected source)" "$(forged stranger)" "rejected by source"
assert_eq "$(rejected truncated)" "$(forged truncated)" "rejected as truncated"
assert_eq "$(rejected checksum)" "$(forged checksum)" "rejected by checksum"
assert_eq "$(rejected nonce)" "$(($(forged nonce) + $(forged sequence) + $(forged garbage) + $(forged other_peer)))" \
  "rejected by nonce"
note "forged $((300 * 7)), rejected $(metric "$file" kube_canary_replies_rejected_total), accepted 0"
assert_invariant "$file"

in_ns b sysctl -qw net.ipv4.icmp_echo_ignore_all=0 net.ipv6.icmp.echo_ignore_all=0
eventually 10 at_least 50 a kube_canary_probes_returned_total || fail "real replies are not measured afterwards"
canary_stop a
