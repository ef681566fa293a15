# shellcheck shell=bash
# A real name server, unbound, for tests of discovery: what it says of each name, and how it fails, is changed while
# it runs. Sourced after lib.sh.

DNS=0

# Where it will run, and at which of that namespace's addresses.
dns_open() { # NS ADDRESS…
  DNS_NS=$1
  mkdir "$SCRATCH/dns"
  # A zone whose primary cannot be reached, below what is said of names: SERVFAIL, as of any zone that is not loaded.
  cat > "$SCRATCH/dns.conf" << END
server:
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "$SCRATCH"
  pidfile: ""
  use-syslog: no
  logfile: "$SCRATCH/dns.log"
  log-queries: yes
  verbosity: 1
$(printf '  interface: %s\n' "${@:2}")
  access-control: 0.0.0.0/0 allow
  edns-buffer-size: 1232
  module-config: "iterator"
  outgoing-range: 16
  num-queries-per-thread: 16
  outgoing-num-tcp: 1
  msg-cache-size: 64k
  rrset-cache-size: 64k
  key-cache-size: 16k
  minimal-responses: yes
  local-zone: "test." nodefault
  include: "$SCRATCH/dns/*"
auth-zone:
  name: "test."
  primary: 127.0.0.1@1
  for-upstream: no
  fallback-enabled: no
remote-control:
  control-enable: yes
  control-interface: "$SCRATCH/dns.socket"
  control-use-cert: no
END
}

dns_start() {
  ip netns exec "$PREFIX-$DNS_NS" unbound -c "$SCRATCH/dns.conf" 2>> "$SCRATCH/dns-stderr.log" &
  DNS=$!
  own_process "$DNS"
  eventually 5 dns_control status 2> /dev/null || fail "the name server does not start"
}

dns_control() { # COMMAND…
  ip netns exec "$PREFIX-$DNS_NS" unbound-control -c "$SCRATCH/dns.conf" -q "$@" > /dev/null
}

dns_kill() {
  kill -KILL "$DNS"
  wait "$DNS" 2> /dev/null || true
}

# From now on, after a restart too. Addresses come on standard input, one a line.
dns_records() { # NAME TTL
  local file=$SCRATCH/dns/$1
  awk -v name="$1." -v ttl="$2" '{ print name, ttl, index($1, ":") ? "AAAA" : "A", $1 }' > "$SCRATCH/records"
  { echo "local-zone: \"$1.\" static"; sed 's/.*/local-data: "&"/' "$SCRATCH/records"; } > "$file"
  [ "$DNS" -ne 0 ] && ! process_ended "$DNS" || return 0
  dns_control local_zone_remove "$1."
  dns_control local_zone "$1." static
  dns_control local_datas < "$SCRATCH/records"
}

# Until its records are set again: servfail, deny (no answer at all), always_nodata, always_nxdomain, always_refuse,
# truncate.
dns_fails() { # NAME HOW
  if [ "$2" = servfail ]; then
    dns_control local_zone_remove "$1."
  else
    dns_control local_zone "$1." "$2"
  fi
}

# When it was asked for the name, Unix seconds; a round asks for both types, and again where nothing comes.
dns_asked() { # NAME [TYPE]
  awk -v name="$1." -v type="${2:-A}" '$5 == name && $6 == type { print substr($1, 2, length($1) - 2) }' "$SCRATCH/dns.log"
}

# Canaries started from now on have a resolv.conf of their own, in a mount namespace of their own: the machine's
# stays as it is.
dns_use() { # ADDRESS
  echo "nameserver $1" > "$SCRATCH/resolv.conf"
  # shellcheck disable=SC2016,SC2034 # for the inner shell; for lib.sh
  CANARY_UNDER=(sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$SCRATCH/resolv.conf")
}
