#!/usr/bin/env bash
# Many nodes on one bridge, known to each other by DNS alone and named by their own word: all measure all, then each its
# share of a ring. Some are cut off at once: all who watch them see it within two intervals, nobody else is blamed. All
# are restarted, some at a time, while their records leave the DNS and return, as in a rollout: no loss is counted.
# Alone: a bar of time: two intervals, as a busy machine lets it be. CROWD=100 LIMIT_SECONDS=600 for a hundred nodes, two rollouts.
# shellcheck disable=SC2034 # for lib.sh
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/crowd.sh"

count=${CROWD:-24}
degree=$((count < 100 ? 6 : 16))
cut_count=$((count < 100 ? 4 : 10))
batch=$((count < 100 ? 12 : 10))
interval=1 # seconds, and the timeout: the defaults, which suit the kernel's limit of refusals
read -ra all <<< "$(seq -s ' ' "$count")"
full=(--mesh.full-below=128)
ring=(--mesh.full-below=0 --mesh.degree="$degree")
common=(--peers.dns=canaries.test. --log.level=warn)

seconds_since() { # TIME
  awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

until_time() { # TIME SECONDS: sleeps until so long after it
  sleep "$(awk -v a="$1" -v b="$EPOCHREALTIME" -v s="$2" 'BEGIN { left = a + s - b; print (left > 0 ? left : 0) }')"
}

# Each node measures so many peers, no more, each of them by its own name.
all_measured() { # PEERS: a question for eventually
  local pairs=$((count * $1))
  crowd_scrape now "${all[@]}"
  [ "$(crowd_count now returned 'value > 0')" -eq "$pairs" ] && [ "$(crowd_count now returned 1)" -eq "$pairs" ] &&
    [ "$(crowd_count now peers 'peer == "probed" && value == '"$1")" -eq "$count" ] && [ "$(named)" -eq "$pairs" ] &&
    # those that were started while others were away from the DNS have to ask it again
    [ "$(crowd_count now peers 'peer == "discovered" && value == '"$count")" -eq "$count" ]
}

named() {
  crowd_count now name 'value == "node-" peer'
}

# As many watch each node as it watches.
assert_watched() { # DEGREE
  awk -v degree="$1" -v count="$count" '$2 == "name" { watchers[$3]++ }
    END { for (peer in watchers) { nodes++; if (watchers[peer] != degree) exit 1 } exit nodes != count }' "$SCRATCH/now" ||
    fail "not every node is watched by $1 others"
}

edges() { # whom each node measures
  awk '$2 == "name" { print $1, $3 }' "$SCRATCH/now" | sort
}

# Losses that are in the table `now` and not in `before`, whose lines are struck out as nodes restart.
new_losses() {
  awk '$2 != "lost" { next } NR == FNR { before[$1, $3] = $4; next }
    $4 > before[$1, $3] { print $1, "of", $3, $4 - before[$1, $3] }' \
    "$SCRATCH/before" "$SCRATCH/now"
}

assert_no_new_losses() { # WHEN
  local losses
  losses=$(new_losses)
  [ -z "$losses" ] || fail "$1: $(wc -l <<< "$losses") pairs lost probes: $(head -n 5 <<< "$losses" | tr '\n' ',')"
}

cost() { # WHAT: CPU and memory of all, at rest
  local start=$EPOCHREALTIME before after
  before=$(crowd_cpu "${all[@]}")
  sleep $((count < 100 ? 3 : 10))
  after=$(crowd_cpu "${all[@]}")
  note "$1: $(awk -v a="$before" -v b="$after" -v s="$(seconds_since "$start")" 'BEGIN { printf "%.3f", (b - a) / s }')" \
    "CPUs for all nodes; memory (PSS) in kB, $(crowd_memory "${all[@]}" |
      awk '{ size[NR] = $1; sum += $1 } END { print "median of a node " size[int((NR + 1) / 2)] ", all " sum }')"
}

# The first of them. Whoever watches one of them loses the first probe that is sent after the cut, which is an interval
# later at most, and knows a timeout later; from then on one each interval. That is held against the instant when each
# node began to answer the scrape.
cut_off() { # WHAT
  local cut=("${all[@]:0:cut_count}") rest=("${all[@]:cut_count}") start took missed blamed
  crowd_scrape before "${all[@]}"
  crowd_cut down "${cut[@]}"
  start=$EPOCHREALTIME
  until_time "$start" $((2 * interval)).15
  crowd_scrape now "${rest[@]}"
  took=$(seconds_since "$start")
  missed=$(cd "$SCRATCH/scrapes" && stat -c '%n %.W' -- * | awk -v cut="$cut_count" -v start="$start" -v interval="$interval" '
    FILENAME == "-" { due[$1] = int(($2 - start - 0.15) / interval - 1); next }
    $2 != "lost" || $1 <= cut || $3 > cut { next }
    FILENAME ~ /before$/ { watches[$1, $3] = $4; pairs++; next }
    ($1, $3) in watches && $4 - watches[$1, $3] >= due[$1] && due[$1] > 0 { seen++ }
    END { print pairs - seen, pairs + 0 }' - "$SCRATCH/before" "$SCRATCH/now")
  assert_at_least "${missed#* }" "$cut_count" "$1: pairs with one cut off"
  assert_eq "${missed% *}" 0 "$1: of ${missed#* } pairs, those that did not see the loss within two intervals of the cut"
  blamed=$(new_losses | awk -v cut="$cut_count" '$3 > cut')
  [ -z "$blamed" ] || fail "$1: others are blamed: $(head -n 3 <<< "$blamed" | tr '\n' ',')"
  crowd_cut up "${cut[@]}"
  note "$1: $cut_count cut off at once: seen by all ${missed#* } pairs (scraped $((2 * interval)).15 to $took s later)," \
    "no loss elsewhere"
  until_time "$EPOCHREALTIME" $((2 * interval)).5
  crowd_scrape before "${all[@]}"
  sleep $((interval + 1))
  crowd_scrape now "${all[@]}"
  assert_no_new_losses "$1: after the cut"
}

# Stopped, their records taken back; started with other options, their records there again.
rollout() { # WHAT OPTION…
  local index node gone present what=$1 start=$EPOCHREALTIME refused=0
  CROWD_OPTIONS=("${common[@]}" "${@:2}")
  crowd_scrape before "${all[@]}"
  for ((index = 0; index < count; index += batch)); do
    gone=("${all[@]:index:batch}")
    present=("${all[@]:0:index}" "${all[@]:index+batch}")
    crowd_stop "${gone[@]}"
    crowd_dns_set "${present[@]}"
    for node in "${gone[@]}"; do
      sed -i "/^$node /d" "$SCRATCH/before"
    done
    sleep 6.5 # records are asked for again every 5 s
    crowd_scrape now "${present[@]}"
    assert_no_new_losses "$what: ${gone[*]} are gone"
    assert_eq "$(crowd_count now peers "peer == \"discovered\" && value == ${#present[@]}")" ${#present[@]} \
      "$what: nodes that know who is left while ${gone[*]} are gone"
    refused=$((refused + $(crowd_sum now refused)))
    crowd_start "${gone[@]}"
    eventually 60 crowd_answers "${gone[@]}" || fail "$what: ${gone[*]} do not come back"
    crowd_dns_set "${all[@]}"
    crowd_scrape now "${all[@]}"
    assert_no_new_losses "$what: ${gone[*]} are back"
  done
  assert_at_least "$refused" "$count" "$what: refused, as the leavers are"
  note "$what: all restarted, $batch at a time, in $(seconds_since "$start") s: no loss counted"
}

settle() { # WHAT PEERS SINCE
  eventually 60 all_measured "$2" || fail "$1: not all is measured: $(crowd_count now returned 'value > 0') of" \
    "$((count * $2)) pairs, $(crowd_count now returned 1) probed, $(named) named"
  note "$1: $((count * $2)) pairs measured and named $(seconds_since "$3") s after the last start"
  assert_watched "$2"
}

crowd_open "$count"
crowd_dns_open 1
start=$EPOCHREALTIME
CROWD_OPTIONS=("${common[@]}" "${full[@]}")
crowd_start "${all[@]}"
crowd_dns_set "${all[@]}"
eventually 60 crowd_answers "${all[@]}" || fail "not all start"
last_start=$EPOCHREALTIME
note "$count nodes started in $(seconds_since "$start") s: $(awk -v cpu="$(crowd_cpu "${all[@]}")" -v n="$count" \
  'BEGIN { printf "%.2f", cpu / n }') s of CPU each"
settle "full mesh" $((count - 1)) "$last_start"
assert_eq "$(crowd_sum now lost)" 0 "full mesh: lost from the start on"
cost "full mesh"
cut_off "full mesh"

rollout "from the full mesh to a ring of $degree" "${ring[@]}"
settle "ring of $degree" "$degree" "$EPOCHREALTIME"
edges > "$SCRATCH/edges"
cost "ring of $degree"
cut_off "ring of $degree"
if [ "$count" -ge 100 ]; then
  rollout "ring of $degree" "${ring[@]}"
  settle "ring of $degree, restarted" "$degree" "$EPOCHREALTIME"
  assert_eq "$(edges | diff - "$SCRATCH/edges" | grep -c '^[<>]')" 0 "pairs that are others after the restart"
fi
crowd_scrape now "${all[@]}"
assert_no_new_losses "in the end"
crowd_stop "${all[@]}"
