# shellcheck shell=dash # of its dialect, as busybox has it: local
# What the inits of the virtual machines are written in: a test that says what it found, two hosts and a wire, a canary
# on one of them, scrapes. Knows no test. Sourced by the inits here.
export PATH=/bin

log=/tmp/canary.log
scraped=/tmp/metrics
reason=/tmp/reason

# --- a test: a function in a subshell, which says what it found

note() { echo "$*" > "$reason"; }
fail() {
  note "$@"
  exit 1
}
skip() {
  note "$@"
  exit 77
}

test_run() { # NAME FUNCTION ARGUMENT…; $ONLY: a pattern of the names that are wanted
  local name=$1
  # shellcheck disable=SC2254 # it is a pattern
  case $name in ${ONLY:-*}) ;; *) return ;; esac
  shift
  : > "$reason"
  : > "$log"
  (
    trap clean_up EXIT
    "$@"
  )
  case $? in
    0) echo "PASS $name $(cat "$reason")" ;;
    77) echo "SKIP $name $(cat "$reason")" ;;
    *)
      echo "FAIL $name $(cat "$reason")"
      tail -n 25 "$log" | sed 's/^/    | /'
      ;;
  esac
}

clean_up() {
  [ -z "$loader" ] || kill -9 "$loader" 2> /dev/null
  [ -z "$reflector" ] || kill -9 "$reflector" 2> /dev/null
  ip netns del a 2> /dev/null
  ip netns del b 2> /dev/null
}

eventually() { # TENTHS COMMAND…
  local tenths=$1
  shift
  while ! "$@"; do
    tenths=$((tenths - 1))
    [ "$tenths" -gt 0 ] || return 1
    sleep 0.1
  done
}

assert_eq() { # GOT WANTED WHAT
  [ "$1" = "$2" ] || fail "$3: $1, expected $2"
}

# --- two hosts and a wire

# The shell would take the applet of this name.
ip() { /bin/ip "$@"; }

wire() {
  local host
  ip link add eth0 netns a type veth peer name eth0 netns b || fail "no veth"
  for host in a b; do
    ip -n $host addr add 198.18.0.$((host_number))/30 dev eth0
    ip -n $host addr add fd00:18::$((host_number))/64 dev eth0 nodad
    ip -n $host link set lo up
    ip -n $host link set eth0 up
    host_number=$((host_number + 1))
  done
}

two_hosts() {
  ip netns add a || fail "no network namespace"
  ip netns add b
  host_number=1
  wire
}

# --- the canary on host a

is_gone() { # PID: no such process, or only its status is left
  ! [ -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2> /dev/null
}

http_get() { # PATH
  ip netns exec a curl -sf -m 30 "http://127.0.0.1:10862$1"
}

# By ICMP unless $protocol says otherwise: it takes no canary at the other end.
launch() { # OPTION…; $under: what to start it with
  # shellcheck disable=SC2086
  /bin/ip netns exec a $under kube-canary --peers.static=v4=198.18.0.2 --peers.static=v6=fd00:18::2 \
    --probe.protocol="${protocol:-icmp}" --probe.interval=100ms --probe.timeout=4s "$@" 2>> "$log" &
  loader=$!
}

answers_or_ended() { is_gone "$loader" || http_get /-/healthy > /dev/null; }

start() { # OPTION…
  launch "$@"
  eventually 600 answers_or_ended || fail "kube-canary does not answer"
  is_gone "$loader" && fail "kube-canary ended: $(tail -n 1 "$log")"
  canary=$(tr -d ' ' < "/proc/$loader/task/$loader/children")
}

# What host a probes by STAMP; it probes nobody.
reflector_start() { # OPTION…
  # shellcheck disable=SC2086
  /bin/ip netns exec b $under kube-canary --peers.static=198.18.0.1 --peers.static=fd00:18::1 --mesh.degree=0 \
    "$@" 2>> "$log.b" &
  reflector=$!
  eventually 600 reflects_or_ended || fail "the reflector does not come up"
  is_gone "$reflector" && fail "the reflector ended: $(tail -n 1 "$log.b")"
}

reflects_or_ended() {
  is_gone "$reflector" ||
    ip netns exec b curl -sf -m 30 http://127.0.0.1:10862/metrics | grep -q '^kube_canary_attached{.*ingress.* 1$'
}

reflected() { # NAME of a metric
  ip netns exec b curl -sf -m 30 http://127.0.0.1:10862/metrics |
    awk -v name="kube_canary_$1" '{ brace = index($1, "{") } (brace ? substr($1, 1, brace - 1) : $1) == name { sum += $2 }
      END { printf "%.15g\n", sum }'
}

stop() {
  kill -TERM "$loader"
  eventually 300 is_gone "$loader" || fail "SIGTERM does not end kube-canary"
  wait "$loader"
  assert_eq $? 0 "exit status after SIGTERM"
}

scrape() { http_get /metrics > "$scraped" || fail "no metrics"; }

# Of the last scrape: the sum of all series of that name that have that label; 0 for none.
metric() { # NAME [LABEL]
  awk -v name="$1" -v label="$2" '
    { brace = index($1, "{"); series = brace ? substr($1, 1, brace - 1) : $1 }
    series == name && (label == "" || index($1, label)) { sum += $2 }
    END { printf "%.15g\n", sum }' "$scraped"
}

returned() { # PEER
  metric kube_canary_probes_returned_total "peer=\"$1\""
}

both_returned() { # COUNT-V4 COUNT-V6: a question for eventually
  scrape
  [ "$(returned v4)" -ge "$1" ] && [ "$(returned v6)" -ge "$2" ]
}

# So many more replies of both peers from here on.
measures() { # COUNT
  scrape
  eventually 900 both_returned $(($(returned v4) + $1)) $(($(returned v6) + $1)) ||
    fail "returned only $(returned v4) over IPv4, $(returned v6) over IPv6"
}

# "ingress:clsact egress:clsact", if both are attached.
hooks() {
  local direction
  for direction in ingress egress; do
    sed -n "/^kube_canary_attached{.*direction=\"$direction\".* 1\$/s/.*mode=\"\([a-z_]*\)\".*/$direction:\1/p" "$scraped"
  done | xargs
}

assert_measured() { # HOOKS
  measures 30
  assert_eq "$(metric kube_canary_probes_lost_total)" 0 lost
  assert_eq "$(metric kube_canary_probes_unstamped_total)" 0 unstamped
  assert_eq "$(hooks)" "$1" "attached"
  note "returned $(returned v4) over IPv4, $(returned v6) over IPv6, lost 0, unstamped 0; $(hooks)"
}

# --- the machine

machine_up() { # MODULE…
  local module
  /bin/busybox mount -t proc proc /proc
  /bin/busybox mount -t sysfs sysfs /sys
  /bin/busybox mount -t devtmpfs devtmpfs /dev
  /bin/busybox mount -t tmpfs tmpfs /run
  ln -s /run /var/run
  /bin/busybox --install -s /bin
  ip link set lo up
  for module in "$@"; do
    modprobe "$module" || echo "FAIL machine no module $module"
  done
}
