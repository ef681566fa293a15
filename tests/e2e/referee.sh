# shellcheck shell=bash
# A capture on the very veth is the referee of our RTTs, probe by probe: a's log, with --log.level=debug, against what the
# wire saw. Sourced after lib.sh and figures.sh.

need tshark
CAPTURE=0
REFEREED_PEERS=() # options

# a, and b with so many addresses, each a peer.
refereed_nodes() { # PEERS
  local i
  two_nodes
  for ((i = 1; i <= $1; i++)); do
    in_ns b ip address add "198.18.0.$((i + 100))/24" dev eth0
    REFEREED_PEERS+=("--peers.static=198.18.0.$((i + 100))")
  done
}

capture_start() { # FILTER: of what passes a's eth0
  ip netns exec "$PREFIX-a" tshark -q -i eth0 -f "$1" -w "$SCRATCH/capture" 2> "$SCRATCH/tshark.log" &
  CAPTURE=$!
  own_process "$CAPTURE"
  eventually 20 test -s "$SCRATCH/capture" || fail "tshark captures nothing"
  sleep 1
}

capture_stop() {
  sleep 1
  kill -INT "$CAPTURE"
  wait "$CAPTURE" || true
}

# Of each reply: peer/sequence, and the round trip in ns.
captured() { # icmp|stamp
  case $1 in
    icmp)
      tshark -r "$SCRATCH/capture" -Y icmp -T fields -e ip.src -e ip.dst -e icmp.seq -e icmp.type -e frame.time_epoch 2> /dev/null |
        awk '{ print $1 "\t" $2 "\t" $3 "\t" $3 "\t" $4 "\t" $5 }' # a reply's number is the request's
      ;;
    stamp)
      tshark -r "$SCRATCH/capture" -Y udp -d udp.port==862,twamp.test -T fields -e ip.src -e ip.dst \
        -e twamp.test.seq_number -e twamp.test.sender_seq_number -e udp.srcport -e frame.time_epoch 2> /dev/null
      ;;
  esac | awk -F'\t' -v reply="$([ "$1" = icmp ] && echo 0 || echo 862)" '
    { split($6, t, "."); ns = (t[1] % 100000) * 1000000000 + t[2] }
    $5 != reply { out[$2 "/" $3] = ns }
    $5 == reply && (($1 "/" $4) in out) { printf "%s/%d %d\n", $1, $4, ns - out[$1 "/" $4] }'
}

# The same, as we have it, with the residence time that was taken off a STAMP probe's.
logged() {
  sed -nE 's/.* msg="?reply"? peer=([0-9.]*) .*sequence=([0-9]*) rtt_ns=([0-9]*) (residence_ns=([0-9]*) )?.*duplicate=0$/\1\/\2 \3 \5/p' \
    "$SCRATCH/canary-a.log" | awk '{ print $1, $2 + $3 }'
}

# Into $SCRATCH/differences, for each probe that both saw: how much we differ, what we say, what it says, all in us.
referee() { # icmp|stamp
  # join wants one order for both: by text
  join <(logged | sort) <(captured "$1" | sort) |
    awk '{ d = $2 - $3; print (d < 0 ? -d : d) / 1000, $2 / 1000, $3 / 1000 }' > "$SCRATCH/differences"
}

refereed() { # SHARE: that quantile of the differences
  quantile "$1" < "$SCRATCH/differences"
}

# Told, and held against what may lie between tc and the tap.
assert_refereed() { # PROBES MEDIAN-US P99-US
  local median p99 count
  count=$(wc -l < "$SCRATCH/differences")
  assert_at_least "$count" "$1" "probes that both saw"
  median=$(refereed 0.5)
  p99=$(refereed 0.99)
  note "difference to the capture over $count probes: median $median us, p99 $p99 us (RTT p50: ours" \
    "$(cut -d ' ' -f 2 "$SCRATCH/differences" | quantile 0.5) us, capture $(cut -d ' ' -f 3 "$SCRATCH/differences" | quantile 0.5) us)"
  assert_between "$median" 0 "$2" "median absolute difference in us"
  assert_between "$p99" 0 "$3" "p99 of the absolute difference in us"
}
