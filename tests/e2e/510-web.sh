#!/usr/bin/env bash
# Everything that is served, over several addresses, while somebody else holds all connections that they can:
# a thousand idle ones, trickled requests, readers that read nothing. Others are served within seconds, probes keep
# their pace, memory does not grow.
# Alone: it takes what it can get.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/siege.sh"
need python3

two_nodes
canary_start b --node.name=node-b --peers.static=198.18.0.1
KUBE_CANARY_WEB_LISTEN_ADDRESS='127.0.0.1:10862,198.18.0.1:9862,[fd00:18::1]:9862,:0' \
  canary_start a --node.name=node-a --peers.static=198.18.0.2 --probe.interval=20ms
eventually 5 at_least 20 a kube_canary_probes_returned_total

ports=$(sed -n 's/.*msg="\?measuring"\? .*port="\?\([0-9,]*\)"\?.*/\1/p' "$SCRATCH/canary-a.log")
assert_eq "${ports%,*}" "10862,9862,9862" "the ports that were asked for"
last=${ports##*,}
assert_between "$last" 1 65535 "the port that was not asked for"

for url in http://198.18.0.1:9862 'http://[fd00:18::1]:9862' "http://198.18.0.1:$last" "http://[fd00:18::1]:$last"; do
  assert_eq "$(siege_status b "$url/-/ready")" 200 "$url"
done
for path in /metrics /api/v1/peers /api/v1/status / /-/healthy /-/ready; do
  assert_eq "$(siege_status b "http://198.18.0.1:9862$path")" 200 "$path"
  assert_eq "$(siege_status b --head "http://198.18.0.1:9862$path")" 200 "HEAD $path"
  assert_eq "$(siege_status b -X POST "http://198.18.0.1:9862$path")" 405 "POST $path"
done
assert_eq "$(siege_status b http://198.18.0.1:9862/nothing)" 404 "what is not there"
assert_eq "$(siege_status b -H 'Accept: image/png' http://198.18.0.1:9862/api/v1/peers)" 406 "what is not acceptable"
for path in /metrics /api/v1/peers /; do
  in_ns a curl -sf --compressed -D "$SCRATCH/headers" -o "$SCRATCH/packed" "http://127.0.0.1:10862$path"
  grep -qi '^Content-Encoding: gzip' "$SCRATCH/headers" || fail "$path is not compressed"
  assert_at_least "$(wc -l < "$SCRATCH/packed")" 1 "lines of $path"
done
http_get a /api/v1/peers | python3 -m json.tool > "$SCRATCH/peers.json" || fail "the API's peers are no JSON"
http_get a /api/v1/status | python3 -m json.tool > /dev/null || fail "the API's status is no JSON"

cat > "$SCRATCH/attack.py" << 'END'
import resource, select, socket, sys, time

kind, seconds = sys.argv[1], float(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
count = {"idle": 1000, "trickle": 200, "deaf": 200}[kind]


def connect():
    s = socket.socket()
    if kind == "deaf":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    s.setblocking(False)
    s.connect_ex(("198.18.0.1", 9862))
    return [s, 0]


request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
crowd = [connect() for _ in range(count)]
begun = count
end = time.monotonic() + seconds
while time.monotonic() < end:
    for client in crowd:
        s = client[0]
        try:
            if kind == "trickle":
                s.send(request[client[1]:client[1] + 1] if client[1] < len(request) else b"x")
                client[1] += 1
            elif kind == "deaf" and client[1] == 0:
                s.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
                client[1] = 1
            if kind != "deaf" and s.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:
            s.close()
            client[:] = connect()
            begun += 1
    time.sleep(0.1)
print(begun)
END

siege_begin
for kind in idle trickle deaf; do
  siege "$kind" python3 "$SCRATCH/attack.py" "$kind" 6
  note "$kind: $(cat "$SCRATCH/attack") connections in 6 s"
done
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost"
assert_at_least "$(metric "$file" kube_canary_scrapes_total)" 20 "scrapes"
canary_stop a
canary_stop b
