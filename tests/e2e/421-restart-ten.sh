#!/usr/bin/env bash
# A mesh of ten, whose canaries are restarted one after another, as in a rolling update: every other one while its
# address leaves the file of peers and returns. The leavers are refused meanwhile, and no loss is counted; nor is one
# when a node that left in good order goes altogether. Beside it: killed, and cut off.
# shellcheck disable=SC2034 # for lib.sh
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/crowd.sh"

count=10
read -ra all <<< "$(seq -s ' ' "$count")"
peers=$SCRATCH/peers
mkdir "$peers"
CROWD_OPTIONS=(--peers.file="$peers/file" --log.level=warn)

peers_set() { # NODE…
  local node
  for node in "$@"; do
    crowd_address "$node"
  done > "$peers/new"
  mv "$peers/new" "$peers/file"
}

others() { # NODE…: those who are not among these
  local node
  for node in "${all[@]}"; do
    [[ " $* " == *" $node "* ]] || echo "$node"
  done
}

# How many nodes of the table `now` count so many more of that family of that peer than in `before`. Series begin anew
# when the peer says its name.
more_of() { # FAMILY PEER LOW
  awk -v family="$1" -v peer="$2" -v low="$3" '$2 != family || $3 != peer { next }
    FILENAME ~ /before$/ { before[$1] = $4; next }
    $4 - ($4 >= before[$1] ? before[$1] : 0) >= low { count++ }
    END { print count + 0 }' "$SCRATCH/before" "$SCRATCH/now"
}

new_losses() { # but of these peers: lines
  awk -v but=" $* " '$2 != "lost" || index(but, " " $3 " ") { next }
    FILENAME ~ /before$/ { before[$1, $3] = $4; next } $4 > before[$1, $3] { print $1, "of", $3, $4 - before[$1, $3] }' \
    "$SCRATCH/before" "$SCRATCH/now"
}

assert_no_new_losses() { # WHEN BUT…
  local losses
  losses=$(new_losses "${@:2}")
  [ -z "$losses" ] || fail "$1: lost: $(head -n 5 <<< "$losses" | tr '\n' ',')"
}

all_measured() {
  crowd_scrape now "${all[@]}"
  [ "$(crowd_count now returned 'value > 0')" -eq $((count * (count - 1))) ]
}

is_back() { # NODE: all others measure it, and it them
  [ "$(more_of returned "$1" 1)" -eq $((${#rest[@]} - 1)) ] &&
    [ "$(crowd_count now returned "node == $1 && value > 0")" -ge $((count - 2)) ]
}

is_refused() { # NODE: all others are told that its canary is down
  crowd_scrape now "${rest[@]}"
  [ "$(more_of refused "$1" 1)" -eq "${#rest[@]}" ]
}

gone() { # WHAT NODE LINGERING: what all others say of it, 3 s later
  sleep 3
  crowd_scrape now "${rest[@]}"
  assert_no_new_losses "node $2 is $1"
  # The one that came back before it may have begun to probe it only now.
  assert_at_least "$(more_of refused "$2" 2)" $((${#rest[@]} - 1)) "nodes that were refused by node $2, which is $1"
  assert_eq "$(crowd_count now state "peer == $2 && value == \"lingering\"")" "$3" \
    "nodes where node $2 lingers, which is $1"
}

crowd_open "$count"
echo "# nobody yet" > "$peers/file"
crowd_start "${all[@]}"
eventually 20 crowd_answers "${all[@]}" || fail "not all start"
peers_set "${all[@]}"
eventually 60 all_measured || fail "not all measure all"

refused=0
previous=0
for node in "${all[@]}"; do
  mapfile -t rest < <(others "$node")
  crowd_scrape before "${all[@]}"
  crowd_stop "$node"
  if [ $((node % 2)) -eq 1 ]; then
    peers_set "${rest[@]}"
    gone "stopped, and no peer any more" "$node" ${#rest[@]}
  else
    gone stopped "$node" 0
  fi
  refused=$((refused + $(crowd_sum now refused "peer == $node")))
  # The one before had as long to come back.
  [ "$previous" -eq 0 ] || is_back "$previous" || fail "node $previous is back, and not measured by all, or not measuring"
  peers_set "${all[@]}"
  crowd_start "$node"
  eventually 10 crowd_answers "$node" || fail "node $node does not come back"
  previous=$node
done
note "ten restarts of 3 s, half of them away from the file: $refused probes refused, none lost"

eventually 20 all_measured || fail "not all measure all after their restarts"

# Killed: its kernel goes on, and answers for it.
node=4
mapfile -t rest < <(others "$node")
crowd_scrape before "${all[@]}"
kill -KILL "${LOADER[$node]}"
wait "${LOADER[$node]}" 2> /dev/null || true
crowd_forget "$node"
gone killed "$node" 0
note "killed for 3 s: $(crowd_sum now refused "peer == $node") refused by it, none lost"

# In good order: stopped, then no peer any more, then its host goes. All forget it, and no loss is counted.
node=10
mapfile -t rest < <(others 4 "$node")
crowd_scrape before "${rest[@]}"
crowd_stop "$node"
eventually 5 is_refused "$node" || fail "node $node is stopped, and not refused"
mapfile -t present < <(others "$node")
peers_set "${present[@]}"
sleep 0.5
crowd_cut down "$node"
sleep 3.5
crowd_scrape now "${rest[@]}"
assert_no_new_losses "node $node left and went"
assert_eq "$(crowd_count now name "peer == $node")" 0 "nodes that still measure node $node, which left and went"
note "drained, then off: forgotten by all, none lost"

# Not in good order: it lingers, and its loss is counted.
node=9
mapfile -t rest < <(others 4 9 10)
crowd_scrape before "${rest[@]}"
crowd_cut down "$node"
mapfile -t present < <(others 9 10)
peers_set "${present[@]}"
sleep 3.5
crowd_scrape now "${rest[@]}"
assert_eq "$(more_of lost "$node" 2)" ${#rest[@]} "nodes that count the loss of node $node, which went without a word"
assert_eq "$(crowd_count now state "peer == $node && value == \"lingering\"")" ${#rest[@]} "nodes where node $node lingers"
assert_no_new_losses "node $node went" "$node"
note "off without a word: lost $(crowd_sum now lost "peer == $node"), lingering at all"

for node in "${all[@]}"; do
  [ "$node" -eq 4 ] || [ "$node" -eq 10 ] || crowd_stop "$node"
done
