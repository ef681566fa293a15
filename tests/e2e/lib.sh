# shellcheck shell=bash
# What the end-to-end tests are written in: namespaces and wires, canaries, scrapes, assertions. Everything
# that is made here has a name of this process and goes away with it. Sourced by each test.
set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
KUBE_CANARY=${KUBE_CANARY:-$BUILD/kube-canary}
TOOLS=$BUILD/tests/e2e
# shellcheck disable=SC2034 # for the tests
SEED=${SEED:-1}

# What probes are, unless a test says so. Set before this file is sourced.
export KUBE_CANARY_PROBE_PROTOCOL=${PROTOCOL:-icmp}
# Where both families shall be probed, though they are one peer by its name.
export KUBE_CANARY_PEERS_FAMILY=${FAMILY:-auto}

PREFIX=kc-e2e-$$
SCRATCH=$(mktemp -d "/tmp/$PREFIX-XXXXXX")
chmod 755 "$SCRATCH" # canaries read their peers as nobody
NAMESPACES=()
declare -gA PROCESSES=() # when they started, by their ids: an id that was waited for may be somebody else's by now

# For a test that has more to clean up than processes, namespaces and files.
at_end() {
  :
}

cleanup() {
  local status=$? pid name
  set +e
  trap - EXIT INT TERM
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
    for name in "$SCRATCH"/*.log; do
      [ -s "$name" ] && { echo "--- last lines of $(basename "$name")"; tail -n 15 "$name"; }
    done >&2
  fi
  for pid in "${!PROCESSES[@]}"; do
    signal_own CONT "$pid"
    signal_own TERM "$pid"
  done
  for pid in "${!PROCESSES[@]}"; do
    eventually 3 own_ended "$pid" || signal_own KILL "$pid"
    wait "$pid" 2> /dev/null
  done
  for name in "${NAMESPACES[@]}"; do
    ip netns delete "$PREFIX-$name" 2> /dev/null
  done
  at_end
  rm -rf "$SCRATCH"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- outcomes

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Ends the test as skipped; the runner prints the reason.
skip() {
  echo "SKIP: $*"
  exit 77
}

# A measured figure, shown by the runner under the test's name.
note() {
  echo "NOTE: $*"
}

assert_eq() { # ACTUAL EXPECTED WHAT
  [ "$1" = "$2" ] || fail "$3: expected $2, found $1"
}

assert_between() { # ACTUAL LOW HIGH WHAT
  awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(x != "" && x >= low && x <= high) }' ||
    fail "$4: expected $2 to $3, found $1"
}

assert_at_least() { # ACTUAL LOW WHAT
  awk -v x="$1" -v low="$2" 'BEGIN { exit !(x != "" && x >= low) }' || fail "$3: expected at least $2, found $1"
}

# Runs the command until it succeeds, for so many seconds at most.
eventually() { # SECONDS COMMAND…
  local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
    sleep 0.05
  done
}

need() { # COMMAND…: the test needs these
  local command
  for command in "$@"; do
    command -v "$command" > /dev/null || skip "$command is not installed"
  done
}

# --- processes, always by id

process_ended() { # PID: gone, or dead and not waited for yet
  local state
  state=$(awk '$1 == "State:" { print $2 }' "/proc/$1/status" 2> /dev/null) || return 0
  [ -z "$state" ] || [ "$state" = Z ]
}

started_at() { # PID: in ticks since boot; the name before it may have blanks
  sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -d ' ' -f 20
}

own_process() { # PID: ends with the test
  PROCESSES[$1]=$(started_at "$1" || true)
}

own_ended() { # PID
  [ -z "${PROCESSES[$1]}" ] || [ "$(started_at "$1")" != "${PROCESSES[$1]}" ] || process_ended "$1"
}

signal_own() { # SIGNAL PID
  own_ended "$2" || kill "-$1" "$2" 2> /dev/null
}

child_of() { # PID
  tr ' ' '\n' < "/proc/$1/task/$1/children" | head -n 1
}

# --- namespaces and wires

namespace() { # NAME
  NAMESPACES+=("$1")
  ip netns add "$PREFIX-$1"
  in_ns "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
    net.ipv6.conf.default.router_solicitations=0 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 \
    net.ipv6.icmp.ratelimit=0
  in_ns "$1" ip link set lo up
}

in_ns() { # NAME COMMAND…
  ip netns exec "$PREFIX-$1" "${@:2}"
}

# A veth pair between two namespaces. Checksums are computed in software, so that a packet on the wire is whole,
# unless OFFLOAD is set: then they are left to a NIC that is not there.
wire() { # NS1 INTERFACE1 NS2 INTERFACE2
  ip link add "$2" netns "$PREFIX-$1" mtu "${MTU:-1500}" type veth peer name "$4" netns "$PREFIX-$3" mtu "${MTU:-1500}"
  wire_end "$1" "$2"
  wire_end "$3" "$4"
}

wire_end() { # NS INTERFACE
  [ -n "${OFFLOAD:-}" ] || in_ns "$1" ethtool -K "$2" tx off > /dev/null 2>&1 || true
  in_ns "$1" ip link set dev "$2" up
}

address() { # NS INTERFACE ADDRESS/LENGTH…
  local address family
  for address in "${@:3}"; do
    family=()
    [[ $address == *:* ]] && family=(nodad)
    in_ns "$1" ip address add "$address" dev "$2" "${family[@]}"
  done
}

# An end without any address or chatter of its own, for the relay and for bridges.
mute() { # NS INTERFACE
  in_ns "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
}

# Two nodes a and b on one wire.
two_nodes() {
  namespace a
  namespace b
  wire a eth0 b eth0
  address a eth0 198.18.0.1/24 fd00:18::1/64
  address b eth0 198.18.0.2/24 fd00:18::2/64
}

# Nodes on one bridge, which has a namespace of its own: the first is 198.18.0.1 and fd00:18::1, and so on. As peers
# they are a-v4, a-v6 and so on in $SCRATCH/peers.
nodes_on_bridge() { # NS…
  local node host=0
  namespace net
  in_ns net ip link add bridge type bridge
  in_ns net ip link set bridge up
  for node in "$@"; do
    host=$((host + 1))
    namespace "$node"
    wire "$node" eth0 net "$node"
    in_ns net ip link set dev "$node" master bridge
    address "$node" eth0 "198.18.0.$host/24" "fd00:18::$host/64"
    printf '198.18.0.%s %s-v4\nfd00:18::%s %s-v6 # the same node\n' $host "$node" $host "$node" >> "$SCRATCH/peers"
  done
}

# Two nodes a and b, and the relay's namespace r between them. relay_start makes it a wire.
two_nodes_and_relay() {
  namespace a
  namespace b
  namespace r
  wire a eth0 r left
  wire b eth0 r right
  mute r left
  mute r right
  address a eth0 198.18.0.1/24 fd00:18::1/64
  address b eth0 198.18.0.2/24 fd00:18::2/64
}

# --- tools, which write `name value` lines into a file at their start and on SIGUSR1

RELAY=0

relay_start() { # OPTION VALUE…
  rm -f "$SCRATCH/relay"
  ip netns exec "$PREFIX-r" "$TOOLS/relay" --seed "$SEED" --statistics "$SCRATCH/relay" "$@" left right \
    2> "$SCRATCH/relay.log" &
  RELAY=$!
  own_process "$RELAY"
  eventually 5 test -e "$SCRATCH/relay" || fail "the relay does not start"
}

tool_count() { # PID FILE NAME
  rm -f "$2"
  kill -USR1 "$1"
  eventually 5 test -e "$2" || fail "no count from process $1"
  awk -v name="$3" '$1 == name { print $2; found = 1 } END { exit !found }' "$2" || fail "$2 knows no $3"
}

relay_count() { # NAME, with the side and kind of the probe; fails if the relay itself lost a frame
  tool_count "$RELAY" "$SCRATCH/relay" "$1"
  awk '($1 == "overruns" || $1 == "send_errors") && $2 > 0 { exit 1 }' "$SCRATCH/relay" ||
    fail "the relay lost frames of its own: $(tr '\n' ' ' < "$SCRATCH/relay")"
}

relay_saw() { # NUMBER NAME: a question for eventually
  [ "$(relay_count "$2")" -ge "$1" ]
}

relay_stop() {
  kill -TERM "$RELAY"
  wait "$RELAY" || fail "the relay lost frames of its own: $(tr '\n' ' ' < "$SCRATCH/relay")"
}

# Somebody else's STAMP reflector, in user space; see reflect.c. Answers in that namespace from then on.
REFLECTOR=0

reflector_start() { # NS OPTION…
  rm -f "$SCRATCH/reflector"
  ip netns exec "$PREFIX-$1" "$TOOLS/reflect" "$SCRATCH/reflector" "${@:2}" 2>> "$SCRATCH/reflector.log" &
  REFLECTOR=$!
  own_process "$REFLECTOR"
  eventually 5 test -e "$SCRATCH/reflector" || fail "the reflector does not start"
}

reflector_stop() {
  kill -TERM "$REFLECTOR"
  wait "$REFLECTOR" || fail "the reflector failed"
}

source "$TOP/tests/e2e/hooks.sh"

# --- canaries

declare -A LOADER  # process ids by namespace
CANARY_UNDER=()    # a command to run it under

# Starts one in the namespace and waits until it answers.
canary_start() { # NS OPTION…
  local ns=$1
  shift
  canary_launch "$ns" "$@"
  eventually 5 canary_answers "$ns" || fail "kube-canary does not start in $ns"
}

canary_launch() { # NS OPTION…
  local ns=$1
  shift
  ip netns exec "$PREFIX-$ns" "${CANARY_UNDER[@]}" "$KUBE_CANARY" "$@" 2>> "$SCRATCH/canary-$ns.log" &
  LOADER[$ns]=$!
  own_process "${LOADER[$ns]}"
}

# Two that probe each other by STAMP; the reflectors of both know the other one by its address.
canaries_start() { # OPTION…
  canary_start b --node.name=node-b --node.zone=zone-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 "$@"
  canary_start a --node.name=node-a --node.zone=zone-a --peers.static=198.18.0.2 --peers.static=fd00:18::2 "$@"
}

canary_answers() { # NS
  process_ended "${LOADER[$1]}" && fail "kube-canary ended in $1"
  in_ns "$1" curl -sf -o /dev/null http://127.0.0.1:10862/-/healthy
}

canary_pid() { # NS: the unprivileged child
  child_of "${LOADER[$1]}"
}

# SIGTERM; status 0 is part of the contract.
canary_stop() { # NS
  local status=0
  kill -TERM "${LOADER[$1]}"
  eventually 5 process_ended "${LOADER[$1]}" || fail "SIGTERM does not end kube-canary in $1"
  wait "${LOADER[$1]}" || status=$?
  assert_eq "$status" 0 "exit status after SIGTERM"
}

http_get() { # NS PATH
  in_ns "$1" curl -sf "http://127.0.0.1:10862$2"
}

# --- metrics

scrape() { # NS: into $SCRATCH/metrics-NS, whose name is printed
  http_get "$1" /metrics > "$SCRATCH/metrics-$1" || fail "no metrics from $1"
  echo "$SCRATCH/metrics-$1"
}

# Sum of all series of that name which have all those labels; 0 for none.
metric() { # FILE NAME [LABEL="VALUE"…]
  awk -v name="$2" -v wanted="${*:3}" '
    BEGIN { count = split(wanted, labels, " ") }
    /^#/ { next }
    {
      series = $1
      for (i = 2; i < NF; i++) series = series " " $i
      brace = index(series, "{")
      if ((brace ? substr(series, 1, brace - 1) : series) != name) next
      for (i = 1; i <= count; i++)
        if (!index(series, "{" labels[i]) && !index(series, "," labels[i])) next
      sum += $NF
    }
    END { printf "%.15g\n", sum }' "$1"
}

# The same, scraped now.
value() { # NS NAME [LABEL="VALUE"…]
  metric "$(scrape "$1")" "${@:2}"
}

at_least() { # LOW NS NAME [LABEL="VALUE"…]: a question for eventually
  awk -v x="$(value "${@:2}")" -v low="$1" 'BEGIN { exit !(x >= low) }'
}

equals() { # WANTED NS NAME [LABEL="VALUE"…]
  [ "$(value "${@:2}")" = "$1" ]
}

verdicts() { # FILE: sent, and what it must be equal to
  local kind sum=0
  for kind in returned lost refused unstamped; do
    sum=$((sum + $(metric "$1" "kube_canary_probes_${kind}_total")))
  done
  echo "$(metric "$1" kube_canary_probes_sent_total) $((sum + $(metric "$1" kube_canary_probes_in_flight)))"
}

invariant_holds() { # NS: a question for eventually; a scrape of many peers takes several turns of the loop
  local sent sum
  read -r sent sum <<< "$(verdicts "$(scrape "$1")")"
  [ "$sum" = "$sent" ]
}

# sent = returned + lost + refused + unstamped + in flight, of one scrape
assert_invariant() { # FILE
  local sent sum
  read -r sent sum <<< "$(verdicts "$1")"
  assert_eq "$sum" "$sent" "returned + lost + refused + unstamped + in flight, of probes sent"
}
