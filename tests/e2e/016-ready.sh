#!/usr/bin/env bash
# /-/ready says yes from the moment on that what peers are routed over is attached, not a moment before: asked from the
# first instant of each of several starts, since the time between HTTP and the first route is short.
source "$(dirname "$0")/lib.sh"
need python3

two_nodes

# What is attached, asked right after the first yes: how many interfaces, or False.
ask() {
  ip netns exec "$PREFIX-a" timeout 20 python3 - << 'END' > "$SCRATCH/seen" &
import http.client, json
first = None
while first is None:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 10862, timeout=5)
        connection.request("GET", "/-/ready")
        reply = connection.getresponse()
        reply.read()
        if reply.status == 200:
            connection.request("GET", "/api/v1/status")
            first = json.load(connection.getresponse())["interfaces"]
    except OSError:
        pass
print(all(one[way]["attached"] for one in first for way in ("egress", "ingress")) and len(first))
END
  ASKER=$!
  own_process "$ASKER"
}

for start in {1..12}; do
  ask
  canary_launch a --peers.static=b=198.18.0.2 --reflector=false
  wait "$ASKER" || fail "start $start: never ready"
  assert_eq "$(cat "$SCRATCH/seen")" 1 "start $start: interfaces with everything attached at the first yes"
  canary_stop a
done
