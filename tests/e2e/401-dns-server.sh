#!/usr/bin/env bash
# 5,060 addresses from a real name server, answered over TCP; then it fails in every way that servers do: SERVFAIL,
# silence, truncation with TCP dead, half an answer, empty answers, no such name, refusal, death, 1 s of latency.
# Nothing of it is news, probing goes on at its pace, and what is news is taken.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/dns.sh"
need unbound nft

# a probes b, which answers at all addresses of two ranges, and asks d, by a wire or by a slow one.
namespace a
namespace b
namespace d
namespace r
wire a eth0 b eth0
wire a dns d eth0
wire a slow r left
wire d slow r right
mute r left
mute r right
address a eth0 198.18.0.1/24 fd00:18::1/64
address b eth0 198.18.0.2/24 fd00:18::2/64
address a dns 198.18.53.1/24
address d eth0 198.18.53.53/24
address a slow 198.18.54.1/24
address d slow 198.18.54.53/24
in_ns a ip route add 10.64.0.0/12 via 198.18.0.2
in_ns a ip route add fd00:64::/32 via fd00:18::2
in_ns b ip route add local 10.64.0.0/12 dev lo
in_ns b ip route add local fd00:64::/32 dev lo
ip netns exec "$PREFIX-r" "$TOOLS/delay" 1000 "$SCRATCH/delay" left right 2> "$SCRATCH/delay.log" &
own_process $!

four() { seq 0 $(($2 - 1)) | awk -v net="10.$1" '{ printf "%s.%d.%d\n", net, $1 / 250, $1 % 250 + 1 }'; } # OCTET COUNT
six() { seq 1 "$1" | awk '{ printf "fd00:64::%x\n", $1 }'; }
log=$SCRATCH/canary-a.log
FAILING=(servfail silent nodata nxdomain refused) # and truncated: many, six
dns_open d 198.18.53.53 198.18.54.53
four 64 3000 | dns_records many.test 0
six 2000 | dns_records six.test 0
for i in "${!FAILING[@]}"; do four $((65 + i)) 10 | dns_records "${FAILING[i]}.test" 0; done
four 75 10 | dns_records later.test 15
dns_start
dns_use 198.18.53.53

# What the scrapes say all the while: the time, probes sent to three peers, addresses discovered.
samples=$SCRATCH/samples
watch_samples() {
  while sleep 0.3; do
    http_get a /metrics | awk -v now="${EPOCHREALTIME/,/.}" '
      /^kube_canary_probes_sent_total\{peer="near-/ { sent += $NF }
      /^kube_canary_peers\{state="discovered"}/ { discovered = $NF }
      END { if (NR > 0) print now, sent, discovered }' >> "$samples"
  done
}
discovered() { value a kube_canary_peers 'state="discovered"'; }
finds() { equals "$1" a kube_canary_peers 'state="discovered"'; }
failures() { value a kube_canary_discovery_failures_total 'source="dns"'; }
succeeded_at() { value a kube_canary_discovery_last_success_timestamp_seconds 'source="dns"'; }
has_failed() { grep -q "name=$1.test\. .*reason=\"${2:-}" "$log"; } # NAME [REASON]
answered() { [ "$(grep -c "name answered.*name=$1.test" "$log")" -ge "$2" ]; } # NAME TIMES
dropped() { in_ns d nft list counters | awk '$1 == "packets" { sum += $2 } END { exit !(sum > 0) }'; }

# --- all of it

mapfile -t names < <(printf -- '--peers.dns=%s.test.\n' many six later "${FAILING[@]}")
canary_start a --peers.max=5120 --peers.static=near-1=10.64.0.1 --peers.static=near-2=10.64.5.100 --peers.static=near-6=fd00:64::7d0 \
  --probe.interval=50ms --probe.timeout=500ms "${names[@]}"
eventually 10 finds 5060 || fail "of 5060 addresses it finds $(discovered)"
assert_eq "$(value a kube_canary_discovery_addresses 'source="dns"')" 5060 "addresses in answers"
assert_eq "$(failures)" 0 "failures"
for near in near-1 near-2 near-6; do
  eventually 5 at_least 20 a kube_canary_probes_returned_total "peer=\"$near\"" || fail "$near is not measured"
done
delays=$(scrape a).first
mv "$SCRATCH/metrics-a" "$delays"
watch_samples &
own_process $!

# --- every name fails in its own way

dns_fails servfail.test servfail
dns_fails silent.test deny
dns_fails nodata.test always_nodata
dns_fails nxdomain.test always_nxdomain
dns_fails refused.test always_refuse
in_ns d nft -f - << 'END'
table inet dns {
  counter lost { }
  chain input { type filter hook input priority 0; tcp dport 53 counter name lost drop; }
}
END
eventually 10 has_failed servfail || fail "SERVFAIL is no failure"
eventually 5 has_failed nodata 'DNS server returned answer with no data' || fail "an empty answer is no failure"
eventually 5 has_failed nxdomain 'Domain name not found' || fail "no such name is no failure"
eventually 5 has_failed refused || fail "a refusal is no failure"
eventually 15 has_failed many || fail "a truncated answer without TCP is no failure"
eventually 15 has_failed six || fail "a truncated answer without TCP is no failure"
dropped || fail "nothing was asked over TCP"

# --- TCP is back, but answers are cut off in the middle

before=$(failures)
in_ns d sysctl -qw net.netfilter.nf_conntrack_acct=1
in_ns d nft -f - << 'END'
flush ruleset
table inet dns {
  counter cut { }
  chain input { type filter hook input priority 0; tcp dport 53 ct reply bytes > 10000 counter name cut reject with tcp reset; }
}
END
eventually 15 dropped || fail "no answer was cut off"
eventually 15 has_failed silent 'Timeout' || fail "silence is no failure"
eventually 10 at_least $((before + 2)) a kube_canary_discovery_failures_total 'source="dns"' || fail "half an answer is no failure"
answered many 2 && fail "half an answer is taken"
assert_at_least "$(failures)" 9 "failures"
finds 5060 || fail "while all names fail it knows $(discovered) of 5060 addresses"

# --- all is well, with one address of a small name replaced, and ten of the large one withdrawn

in_ns d nft flush ruleset
for i in "${!FAILING[@]}"; do four $((65 + i)) 10 | dns_records "${FAILING[i]}.test" 0; done
four 65 11 | sed 1d | dns_records servfail.test 0
four 64 2990 | dns_records many.test 0
for name in "${FAILING[@]}"; do eventually 20 answered "$name" 2 || fail "$name.test is not asked again"; done
eventually 30 finds 5050 || fail "after ten of 5060 were withdrawn it knows $(discovered)"

# --- when it has asked: with a TTL of 0 after 5 s, else when it is over

pause() { dns_asked "$1" | awk 'NR > 1 && (!least || $1 - last < least) { least = $1 - last } { last = $1 } END { print least }'; }
assert_between "$(pause later.test)" 15 17 "seconds until a TTL of 15 is over"
assert_between "$(pause nodata.test)" 5 6 "seconds until a TTL of 0 is over"

# --- killed, and back with ten more

# Which names have succeeded when does not matter any more: nobody has from now on.
dns_kill
killed=${EPOCHSECONDS}
before=$(failures)
eventually 15 at_least $((before + 7)) a kube_canary_discovery_failures_total 'source="dns"' || fail "a dead server is no failure"
assert_between "$(succeeded_at)" $((killed - 7)) "$killed" "when it was last answered, dead since $killed"
finds 5050 || fail "without a server it knows $(discovered) of 5050 addresses"
four 64 3000 | dns_records many.test 0
dns_start
eventually 20 finds 5060 || fail "with the server back it knows $(discovered) of 5060 addresses"
assert_at_least "$(succeeded_at)" $((killed + 1)) "when it was last answered, with the server back"

# --- another server in resolv.conf: what it says comes a second late, 48 KiB over TCP in several parts

echo 'nameserver 198.18.54.53' > "$SCRATCH/resolv.conf"
eventually 20 grep -q 'name servers read again' "$log" || fail "a changed resolv.conf is not read"
four 66 20 | dns_records silent.test 0
four 64 3020 | dns_records many.test 0
eventually 25 finds 5090 || fail "by a slow server it knows $(discovered) of 5090 addresses, of both a small and a large set"

# --- all the while

in_force=$(awk '!least || $3 < least { least = $3 } END { print least + 0 }' "$samples")
assert_eq "$in_force" 5050 "fewest addresses at any time"
# Of every second, and of all of it: 60 probes a second to the three.
read -r slowest mean <<< "$(awk '
  { at[NR] = $1; sent[NR] = $2 }
  END {
    for (last = first = 1; last <= NR; last++)
      while (at[last] - at[first] >= 1) {
        rate = (sent[last] - sent[first]) / (at[last] - at[first])
        if (!slowest || rate < slowest) slowest = rate
        first++
      }
    print slowest + 0, (sent[NR] - sent[1]) / (at[NR] - at[1])
  }' "$samples")"
assert_at_least "$slowest" 20 "probes in the slowest second, of 60"
assert_at_least "$mean" 54 "probes a second, of 60"
last=$(scrape a)
assert_eq "$(metric "$last" kube_canary_probes_lost_total)" 0 lost
assert_eq "$(metric "$last" kube_canary_send_errors_total)" 0 "send errors"
p99=$(awk -F '[" ]' '
  /^kube_canary_loop_delay_seconds_bucket/ { if (NR == FNR) first[$2] = $NF; else { le[++count] = $2; seen[count] = $NF - first[$2] } }
  END { for (i = 1; i <= count; i++) if (seen[i] >= 0.99 * seen[count]) { print le[i]; exit } }' "$delays" "$last")
assert_between "$p99" 0 0.1 "p99 of the loop's delay, seconds"
note "probes a second to three peers, of 60: $mean, in the slowest second $slowest; p99 of the loop's delay at most $p99 s"
canary_stop a
