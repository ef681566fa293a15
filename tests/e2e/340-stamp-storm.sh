#!/usr/bin/env bash
# 1,000,000 forged and random packets at the reflector and at the sender, over both families: no stranger gets a reply,
# no forgery is believed, no reply is larger than its request, every packet is in some counter, and what is real goes on
# being measured.
# Alone: it takes all processors.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"

COUNT=${COUNT:-166667} # in each of six runs

storm() { # requests|replies|noise 4|6: until all is sent
  local victim=198.18.0.1 peer=198.18.0.2 stranger=198.18.0.77 elsewhere=198.18.0.99
  [ "$2" = 4 ] || { victim=fd00:18::1 peer=fd00:18::2 stranger=fd00:18::77 elsewhere=fd00:18::99; }
  rm -f "$SCRATCH/storm"
  ip netns exec "$PREFIX-b" "$TOOLS/storm" "$SCRATCH/storm" eth0 "$1" "$COUNT" "$SEED" "$victim" "$peer" "$stranger" \
    "$elsewhere" 2>> "$SCRATCH/storm.log" &
  STORM=$!
  own_process "$STORM"
  eventually 5 test -e "$SCRATCH/storm" || fail "the storm does not start"
  eventually 90 storm_over || fail "the storm does not end: $(tr '\n' ' ' < "$SCRATCH/storm")"
  sleep 0.5
}

stormed() { # NAME
  tool_count "$STORM" "$SCRATCH/storm" "$1"
}

storm_over() {
  [ "$(stormed sent)" -ge "$COUNT" ]
}

storm_end() {
  assert_eq "$(stormed errors)" 0 "frames that could not be sent"
  assert_eq "$(stormed overruns)" 0 "frames that the tool did not see"
  assert_eq "$(stormed replies_to_others)" 0 "replies to anybody but the peer"
  assert_eq "$(stormed replies_too_large)" 0 "replies larger than their request"
  kill -TERM "$STORM"
  wait "$STORM" || fail "the storm failed"
}

refused() { # REASON
  metric "$after" kube_canary_reflect_refused_total "reason=\"$1\""
}

warnings_before=$(dmesg 2> /dev/null | grep -c 'WARNING\|BUG:' || true)

# --- requests: a's reflector; nothing in b answers a's own probes, which only tell the storm where to go
two_nodes
for family in 4 6; do
  canary_start a --peers.static=198.18.0.2 --peers.static=fd00:18::2
  storm requests $family
  after=$(scrape a)
  reflected=$(metric "$after" kube_canary_reflected_total)
  assert_eq $((reflected + $(metric "$after" kube_canary_reflect_refused_total))) "$COUNT" "reflected and refused, of all sent"
  assert_eq "$(refused source)" $(($(stormed stranger) + $(stormed own_source))) "refused by source"
  assert_eq "$(refused port)" "$(stormed reflector_port)" "refused by port"
  assert_eq "$(refused destination)" "$(stormed elsewhere)" "refused by destination"
  assert_eq "$(refused length)" $(($(stormed short) + $(stormed lying))) "refused by length"
  assert_eq "$(refused options)" "$(stormed options)" "refused by options"
  assert_eq "$(refused host)" "$(stormed broadcast)" "refused by link address"
  assert_eq "$(refused failed)" 0 "rewriting that failed"
  assert_eq $((reflected + $(refused rate))) $(($(stormed valid) + $(stormed tlvs))) "answered or too many"
  assert_eq "$(stormed replies)" "$reflected" "replies on the wire"
  assert_at_least "$reflected" 100 "a burst that is answered"
  assert_at_least "$(refused rate)" 1000 "refused by rate"
  note "IPv$family requests: $COUNT sent, $reflected answered ($(stormed octets_in) of $(stormed octets_out) octets), the rest refused"
  storm_end
  canary_stop a
done

# --- noise: what it is to us cannot be told beforehand
for family in 4 6; do
  canary_start a --peers.static=198.18.0.2 --peers.static=fd00:18::2
  storm noise $family
  after=$(scrape a)
  assert_eq "$(metric "$after" kube_canary_reflected_total)" 0 "noise answered"
  assert_eq "$(stormed replies)" 0 "replies to noise"
  assert_between "$(metric "$after" kube_canary_reflect_refused_total)" 1000 "$COUNT" "refused noise"
  note "IPv$family noise: $COUNT sent, none answered, $(metric "$after" kube_canary_reflect_refused_total) refused"
  storm_end
  canary_stop a
done

# --- replies: b answers truly beside the storm
reflector_start b
for family in 4 6; do
  canary_start a --peers.static=198.18.0.2 --peers.static=fd00:18::2 --probe.interval=100ms
  storm replies $family
  after=$(scrape a)
  rejected() { metric "$after" kube_canary_replies_rejected_total "reason=\"$1\""; }
  assert_eq "$(metric "$after" kube_canary_replies_rejected_total)" "$COUNT" "rejected, of all sent"
  assert_eq "$(rejected source)" "$(stormed reply_stranger)" "rejected by source"
  assert_eq "$(rejected truncated)" "$(stormed reply_short)" "rejected as truncated"
  assert_eq "$(rejected nonce)" $(($(stormed nonce) + $(stormed reply_replay))) "rejected by nonce"
  assert_eq "$(metric "$after" kube_canary_probes_duplicate_total)" 0 "forgeries taken for duplicates"
  assert_eq "$(metric "$after" kube_canary_probes_unstamped_total)" 0 unstamped
  assert_invariant "$after"
  before=$(metric "$after" kube_canary_probes_returned_total)
  eventually 10 at_least $((before + 20)) a kube_canary_probes_returned_total || fail "not measured after the storm"
  note "IPv$family replies: $COUNT sent, all rejected; real ones: $before returned," \
    "$(metric "$after" kube_canary_probes_lost_total) lost meanwhile"
  storm_end
  canary_stop a
done
assert_eq "$(dmesg 2> /dev/null | grep -c 'WARNING\|BUG:' || true)" "$warnings_before" "complaints of the kernel"
