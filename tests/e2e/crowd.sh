# shellcheck shell=bash
# Many nodes on one bridge, which has a namespace of its own, as has the name server beside it: made, started, stopped
# and scraped by the dozen. Sourced after lib.sh by the tests that need a crowd.
#
# The kernels of the nodes limit their ICMP errors as they do by default. Link addresses are entered by hand: the table
# of neighbours is one for all namespaces of a machine, and holds 1,024 that are learnt.

need curl ethtool

CROWD_HUB=198.18.0.1
CROWD_OPTIONS=() # of all canaries
CROWD_RECORDS=$SCRATCH/hosts
CROWD_DNS=0

crowd_address() { # NODE: a number from 1 on
  echo "198.18.$((1 + $1 / 250)).$((1 + $1 % 250))"
}

crowd_link_address() { # NODE
  printf '02:00:c6:12:%02x:%02x\n' $((1 + $1 / 250)) $((1 + $1 % 250))
}

# Nodes 1 to COUNT, each in a namespace of its number, on the ports of the same numbers.
crowd_open() { # COUNT
  local node
  CROWD=$1
  namespace hub
  in_ns hub ip link add bridge type bridge
  for ((node = 1; node <= CROWD; node++)); do
    NAMESPACES+=("$node")
    ip netns add "$PREFIX-$node"
  done
  {
    echo "link set dev bridge address $(crowd_link_address 0) up"
    echo "address add $CROWD_HUB/16 dev bridge"
    for ((node = 1; node <= CROWD; node++)); do
      echo "link add port-$node type veth peer name eth0 netns $PREFIX-$node address $(crowd_link_address "$node")"
      echo "link set dev port-$node master bridge up"
      echo "link set dev port-$node type bridge_slave flood off learning off"
      echo "neighbour add $(crowd_address "$node") lladdr $(crowd_link_address "$node") nud permanent dev bridge"
    done
  } > "$SCRATCH/hub"
  in_ns hub ip -batch "$SCRATCH/hub"
  # Nor is anything learnt of where they are: whose port is down is not sought at all the others.
  for ((node = 1; node <= CROWD; node++)); do
    echo "fdb add $(crowd_link_address "$node") dev port-$node master static"
  done > "$SCRATCH/hub"
  in_ns hub bridge -batch "$SCRATCH/hub"
  for ((node = 0; node <= CROWD; node++)); do
    [ "$node" -eq 0 ] && echo "$CROWD_HUB $(crowd_link_address 0)" && continue
    echo "$(crowd_address "$node") $(crowd_link_address "$node")"
  done > "$SCRATCH/neighbours"
  for ((node = 1; node <= CROWD; node++)); do
    crowd_node_open "$node"
  done
}

crowd_node_open() { # NODE
  {
    echo "link set dev lo up"
    echo "link set dev eth0 up"
    echo "address add $(crowd_address "$1")/16 dev eth0"
    sed 's/\(.*\) \(.*\)/neighbour add \1 lladdr \2 nud permanent dev eth0/' "$SCRATCH/neighbours"
  } > "$SCRATCH/node"
  in_ns "$1" sh -c '
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6
    ethtool -K eth0 tx off > /dev/null
    exec ip -batch "$0"' "$SCRATCH/node"
}

# --- the name server, dnsmasq, whose records change all at once: it tells what is in its file

crowd_dns_open() { # NODE…: the records that there are at first
  need dnsmasq
  echo "nameserver $CROWD_HUB" > "$SCRATCH/resolv.conf"
  crowd_dns_write "$@"
  ip netns exec "$PREFIX-hub" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --local=/test/ \
    --addn-hosts="$CROWD_RECORDS" --listen-address="$CROWD_HUB" --bind-interfaces --local-ttl=5 --pid-file= --user=root \
    --log-facility=- 2>> "$SCRATCH/dnsmasq.log" &
  CROWD_DNS=$!
  own_process "$CROWD_DNS"
  eventually 5 crowd_dns_serves || fail "the name server does not start"
  # The namespace's mounts are its own: the machine's file stays as it is.
  # shellcheck disable=SC2016,SC2034 # for the inner shell; for lib.sh
  CANARY_UNDER=(sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$SCRATCH/resolv.conf")
}

crowd_dns_serves() {
  [ -n "$(in_ns hub ss -Hlu 'sport = 53')" ]
}

crowd_dns_set() { # NODE…: the records that there are from now on
  crowd_dns_write "$@"
  kill -HUP "$CROWD_DNS"
}

crowd_dns_write() { # NODE…
  local node
  for node in "$@"; do
    echo "$(crowd_address "$node") canaries.test"
  done > "$CROWD_RECORDS.new"
  mv "$CROWD_RECORDS.new" "$CROWD_RECORDS"
}

# --- canaries by the dozen

crowd_start() { # NODE…, and waits for nobody
  local node
  for node in "$@"; do
    canary_launch "$node" --node.name="node-$node" "${CROWD_OPTIONS[@]}"
  done
}

crowd_answers() { # NODE…: all of them?
  local node
  for node in "$@"; do
    process_ended "${LOADER[$node]}" && fail "kube-canary ended on node $node"
    echo "url = http://$(crowd_address "$node"):10862/-/healthy"
    echo "output = /dev/null"
  done > "$SCRATCH/urls"
  in_ns hub curl -sf --fail-early --max-time 5 --config "$SCRATCH/urls"
}

crowd_stop() { # NODE…, in good order
  local node status
  for node in "$@"; do
    kill -TERM "${LOADER[$node]}"
  done
  for node in "$@"; do
    status=0
    wait "${LOADER[$node]}" || status=$?
    assert_eq "$status" 0 "exit status of node $node after SIGTERM"
    crowd_forget "$node"
  done
}

crowd_forget() { # NODE: its process is no more
  unset "PROCESSES[${LOADER[$1]}]"
}

crowd_cut() { # up|down NODE…: at the bridge, all at once
  local node
  for node in "${@:2}"; do
    echo "link set dev port-$node $1"
  done > "$SCRATCH/cut"
  in_ns hub ip -batch "$SCRATCH/cut"
}

# --- scrapes of many, as a table: a line `NODE FAMILY PEER VALUE` for each series that matters here. Peers are numbers of
# nodes, by their addresses; families go without their prefix and _total. `name` and `state` of a peer are families as well;
# where there is no peer, the line tells what other label there is, or -.

crowd_scrape() { # TABLE NODE…
  local node
  mkdir -p "$SCRATCH/scrapes"
  rm -f "$SCRATCH/scrapes"/*
  for node in "${@:2}"; do
    echo "url = http://$(crowd_address "$node"):10862/metrics"
    echo "output = $SCRATCH/scrapes/$node"
  done > "$SCRATCH/urls"
  in_ns hub curl -sSf --fail-early --parallel --parallel-max 8 --max-time 20 --config "$SCRATCH/urls" \
    2> "$SCRATCH/curl.log" || crowd_blame "${@:2}"
  (cd "$SCRATCH/scrapes" && grep -E '^kube_canary_(peer_info|peers|probes_|reflect_refused_|send_errors_)' -- /dev/null *) \
    > "$SCRATCH/lines"
  awk "$CROWD_TABLE" "$SCRATCH/lines" "$SCRATCH/lines" > "$SCRATCH/$1"
}

crowd_blame() { # NODE…: one of them cannot be scraped
  local node
  for node in "$@"; do
    ! process_ended "${LOADER[$node]}" || fail "kube-canary ended on node $node"
  done
  fail "not all nodes can be scraped: $(grep -m 1 curl: "$SCRATCH/curl.log")"
}

# Reads the lines twice: who is behind the names stands behind them.
CROWD_TABLE='
  function label(name,   part) {
    if (!match($0, "[{,]" name "=\"[^\"]*\"")) return "-"
    part = substr($0, RSTART, RLENGTH)
    gsub(/^[^"]*"|"$/, "", part)
    return part
  }
  { node = $1; sub(/:.*/, "", node) }
  NR == FNR && /:kube_canary_peer_info/ {
    split(label("address"), octets, ".")
    peers[node, label("peer")] = number = (octets[3] - 1) * 250 + octets[4] - 1
    print node, "name", number, label("peer")
    print node, "state", number, label("state")
  }
  NR == FNR || /:kube_canary_peer_info/ { next }
  {
    family = $0
    sub(/^[^:]*:kube_canary_(probes_)?/, "", family)
    sub(/(_total)?[{ ].*/, "", family)
    peer = label("peer")
    if (peer != "-") peer = (node, peer) in peers ? peers[node, peer] : "unknown"
    else if (index($0, "{")) peer = label(family == "peers" ? "state" : "reason")
    print node, family, peer, $NF
  }'

# A question about a table: sum of a family, of all nodes and peers, or how many lines fulfil a condition in awk's words,
# in which node, peer and value are to be had.
crowd_sum() { # TABLE FAMILY [CONDITION]
  awk -v family="$2" "\$2 == family { node = \$1; peer = \$3; value = \$4; if (${3:-1}) sum += value }
    END { print sum + 0 }" "$SCRATCH/$1"
}

crowd_count() { # TABLE FAMILY CONDITION
  awk -v family="$2" "\$2 == family { node = \$1; peer = \$3; value = \$4; if ($3) count++ }
    END { print count + 0 }" "$SCRATCH/$1"
}

# CPU seconds of both processes of the nodes, and their memory: PSS of both, in kB, a line for each node.
crowd_cpu() { # NODE…
  local node files=()
  for node in "$@"; do
    files+=("/proc/${LOADER[$node]}/stat" "/proc/$(canary_pid "$node")/stat")
  done
  awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum / hertz }' "${files[@]}"
}

crowd_memory() { # NODE…
  local node
  for node in "$@"; do
    awk '$1 == "Pss:" { sum += $2 } END { print sum }' "/proc/${LOADER[$node]}/smaps_rollup" \
      "/proc/$(canary_pid "$node")/smaps_rollup"
  done | sort -n
}
