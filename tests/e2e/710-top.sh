#!/usr/bin/env bash
# `kube-canary top` beside the API it asks: the same figures, of a peer that is well and of one behind a cut wire; on
# a terminal its keys, its size, the end of its instance, and that the terminal comes back as it was; nothing that a
# hostile instance says gets through to it.
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
need jq python3 script tmux

export LC_ALL=C.UTF-8
TERMINAL=(tmux -S "$SCRATCH/tmux" -f /dev/null)
at_end() {
  "${TERMINAL[@]}" kill-server 2> /dev/null || true
}

top() { # NS ARGUMENT…: in a namespace, not on a terminal
  COLUMNS=${COLUMNS:-200} in_ns "$1" "$KUBE_CANARY" top "${@:2}"
}
health() { # FILE PEER: behind the distribution, which has spaces
  awk -v peer="$2" '$2 == peer' "$1" | grep -oE ' (ok|unknown|degraded|refused|lost) ' | tr -d ' '
}
cell() { # FILE PEER TITLE: of a printed table, by the place of its title, before the distribution
  awk -v peer="$2" -v title="$3" '
    !head && / PEER/ { head = $0; sub(/^\S/, " ", head); gsub(/[▲▼]/, " ", head)
      count = split(head, titles); for (i = 1; i <= count; i++) if (titles[i] == title) column = i + 1; next }
    head && $2 == peer { print $column }' "$1"
}

# --- printed

two_nodes
canaries_start --probe.interval=50ms
eventually 20 at_least 100 a kube_canary_rtt_seconds_count 'peer="node-b"' || fail "a does not measure node-b"
top a --once > "$SCRATCH/table" 2> "$SCRATCH/error" || fail "top --once: $(cat "$SCRATCH/error")"
grep -q '^node-a · zone-a · v.* · up .* · 127.0.0.1:10862 ' "$SCRATCH/table" || fail "no title: $(head -n 1 "$SCRATCH/table")"
assert_eq "$(cell "$SCRATCH/table" node-b LOSS)" 0% "loss of node-b"
assert_eq "$(cell "$SCRATCH/table" node-b ZONE)" zone-b "zone of node-b"
assert_eq "$(health "$SCRATCH/table" node-b)" ok "health of node-b"
assert_between "$(cell "$SCRATCH/table" node-b SENT)" 100 "$(value a kube_canary_probes_sent_total 'peer="node-b"')" "probes sent"
grep -q 'node-b.*[▁▂▃▄▅▆▇█]' "$SCRATCH/table" || fail "no distribution"
for where in localhost '[::1]' '[::1]:10862' ::1 127.0.0.1:10862; do
  top a --once "$where" | grep -q node-b || fail "nothing from $where"
done

# ASCII, where no more is wanted; no escape, where no terminal is.
LC_ALL=C top a --once > "$SCRATCH/ascii"
! LC_ALL=C grep -q '[^ -~]' "$SCRATCH/ascii" || fail "more than ASCII: $(cat -v "$SCRATCH/ascii")"
! grep -q $'\033' "$SCRATCH/table" || fail "an escape in what is printed"
for width in 20 40 80 120; do
  COLUMNS=$width top a --once > "$SCRATCH/narrow"
  longest=$(wc -L < "$SCRATCH/narrow")
  assert_between "$longest" 10 "$width" "columns of a table for $width"
done

top a -o json > "$SCRATCH/json"
assert_eq "$(jq -c '[.node, (.peers[] | select(.peer == "node-b") | .health)]' "$SCRATCH/json")" '["node-a","ok"]' "as JSON"
top a -o json -n 3 -d 0.1 > "$SCRATCH/json"
assert_eq "$(jq -s 'length' "$SCRATCH/json")" 3 "documents"
TERM=dumb top a -n 3 -d 0.1 > "$SCRATCH/dumb"
assert_eq "$(grep -c ' node-b ' "$SCRATCH/dumb")" 3 "tables printed"
top a --once -v flows -s port > "$SCRATCH/flows"
assert_eq "$(grep -c ' node-b ' "$SCRATCH/flows")" 4 "flows of node-b"
top a --once -f 'nobody' > "$SCRATCH/none"
! grep -q node-b "$SCRATCH/none" || fail "a filter that lets through"

refused() { # STATUS WORD ARGUMENT…
  local status=0
  top a "${@:3}" > "$SCRATCH/out" 2> "$SCRATCH/error" || status=$?
  assert_eq "$status" "$1" "exit status of top ${*:3}"
  assert_eq "$(wc -c < "$SCRATCH/out")" 0 "octets on standard output of top ${*:3}"
  assert_eq "$(wc -l < "$SCRATCH/error")" 1 "lines of error of top ${*:3}"
  grep -qF -- "$2" "$SCRATCH/error" || fail "\"$2\" is missing in: $(cat "$SCRATCH/error")"
}
refused 1 'no answer from 127.0.0.1:1: connection refused' --once 127.0.0.1:1
refused 1 'no answer from 127.0.0.1:1: connection refused' -o json 127.0.0.1:1
status=0
TERM=xterm in_ns a script -qec "'$KUBE_CANARY' top -n 2 -d 0.1 127.0.0.1:1" /dev/null < /dev/null > "$SCRATCH/out" || status=$?
assert_eq "$status" 1 "exit status of top -n 2 on a terminal, with no answer"
grep -q $'\033\\[?1049l.*no answer from 127.0.0.1:1' <(tr -d '\n' < "$SCRATCH/out") || fail "does not tell why it fails: $(cat -v "$SCRATCH/out")"
status=0
TERM=xterm in_ns a script -qec "'$KUBE_CANARY' top -n 2 -d 0.1" /dev/null < /dev/null > "$SCRATCH/out" || status=$?
assert_eq "$status" 0 "exit status of top -n 2 on a terminal"
refused 2 'expected seconds' --delay=0 --once
refused 2 'expected seconds' --delay=nan --once
refused 2 'expected a number' -n 0
refused 2 'expected table or json' -o xml
refused 2 'expected peers, direction or flows' -v all
refused 2 'expected health peer' -s colour
refused 2 'the table'"'"'s' -o json -s loss
refused 2 '"127.0.0.1:99999"' 127.0.0.1:99999
refused 2 '"[::1"' '[::1'
refused 2 'expected one instance' 127.0.0.1 ::1
refused 2 'no such option' --colour

# --- what a cut wire loses, as the API has it

in_ns b ip link set eth0 down
lost_column() { # the direction view, between two answers of the API
  local before after
  before=$(http_get a /api/v1/peers | jq '.peers[] | select(.peer == "node-b") | .probes.lost')
  top a --once -v direction > "$SCRATCH/table"
  after=$(http_get a /api/v1/peers | jq '.peers[] | select(.peer == "node-b") | .probes.lost')
  assert_between "$(cell "$SCRATCH/table" node-b LOST)" "$before" "$after" "probes lost"
  [ "$before" -ge 40 ]
}
eventually 20 lost_column || fail "nothing is lost: $(cat "$SCRATCH/table")"
top a --once > "$SCRATCH/table"
assert_eq "$(health "$SCRATCH/table" node-b)" lost "health behind a cut wire"
recent=$(http_get a /api/v1/peers | jq '.peers[] | select(.peer == "node-b") | .loss_recent * 100')
shown=$(cell "$SCRATCH/table" node-b LOSS)
assert_between "${shown%\%}" 20 "$(awk -v x="$recent" 'BEGIN { print x + 1 }')" "loss shown"

# --- on a terminal

typed() { # KEY…
  "${TERMINAL[@]}" send-keys "$@"
}
pane() {
  "${TERMINAL[@]}" capture-pane -p
}
shows() { # PATTERN: a question for eventually
  pane | grep -q -- "$1"
}
expect() { # PATTERN
  eventually 5 shows "$1" || fail "\"$1\" does not show: $(pane)"
}
settings() { # of the terminal, while the shell waits
  rm -f "$SCRATCH/settings"
  typed "stty -g > $SCRATCH/settings.new && mv $SCRATCH/settings.new $SCRATCH/settings" Enter
  eventually 5 test -e "$SCRATCH/settings" || fail "the shell does not answer: $(pane)"
  cat "$SCRATCH/settings"
}
"${TERMINAL[@]}" new-session -d -x 80 -y 24 "ip netns exec $PREFIX-a env PS1='prompt> ' LC_ALL=C.UTF-8 bash --norc"
expect 'prompt>'
before=$(settings)
start_top() {
  typed "clear; $KUBE_CANARY top -d 0.2; echo ended by \$?" Enter
}

start_top
expect '^✕ node-b'
expect 'sorted by health'
expect ' UTC$' # the last character of a line that is full
expect '^q quit'
typed 2
expect 'THERE'
typed '>'
expect 'sorted by peer'
typed r
expect 'PEER▼'
typed / node-x
expect 'Filter: node-x'
typed Enter
expect 'none is like that'
typed Escape
expect '^✕ node-b'
typed h
expect 'any key goes back'
typed x 1
"${TERMINAL[@]}" resize-window -x 150 -y 12
expect 'ADDRESS'
"${TERMINAL[@]}" resize-window -x 30 -y 5
expect '^✕ node-b'
assert_eq "$(pane | wc -l)" 5 "lines on a small screen"
"${TERMINAL[@]}" resize-window -x 80 -y 24
expect '^q quit'
typed q
expect 'ended by 0'
assert_eq "$(settings)" "$before" "the terminal's settings after q"
assert_eq "$("${TERMINAL[@]}" display-message -p '#{alternate_on}#{cursor_flag}#{wrap_flag}')" 011 "screen, cursor and wrapping after q"

start_top
expect '^✕ node-b'
typed C-c
expect 'ended by 0'
assert_eq "$(settings)" "$before" "the terminal's settings after Ctrl-C"

start_top
expect '^✕ node-b'
typed C-z
expect 'Stopped'
assert_eq "$(settings)" "$before" "the terminal's settings after Ctrl-Z"
typed fg Enter
expect '^✕ node-b'
"${TERMINAL[@]}" resize-window -x 100 -y 24

# The instance ends and comes back while it is looked at.
canary_stop a
expect 'no answer from 127.0.0.1:10862: connection refused, trying again'
expect '^✕ node-b'
in_ns b ip link set eth0 up
canary_start a --node.name=node-a --peers.static=198.18.0.2 --probe.interval=50ms
expect '^● node-b'
top_pid=$(child_of "$("${TERMINAL[@]}" display-message -p '#{pane_pid}')")
kill -TERM "$top_pid"
expect Terminated
assert_eq "$(settings)" "$before" "the terminal's settings after SIGTERM"

# A dumb terminal: one table after the other.
typed "clear; TERM=dumb $KUBE_CANARY top -d 0.2 -n 2 -f node-b | cat -v > $SCRATCH/dumb; echo done" Enter
expect '^done'
assert_eq "$(grep -c ' node-b ' "$SCRATCH/dumb")" 2 "tables on a dumb terminal"

# --- somebody who means harm

cat > "$SCRATCH/hostile.py" << 'END'
"""An instance that answers as its first argument says; its port stands in the file that is the second."""
import json, socket, sys, time

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\x7f"
peer = {"peer": EVIL, "address": EVIL, "zone": EVIL, "protocol": EVIL, "state": EVIL, "health": "ok", "loss_recent": 0,
        "probes": {"sent": 1, "returned": 1, "lost": 0}, "rtt_seconds": {"last": 1e300, "p50": 1e-300}}
status = {"node": EVIL, "zone": EVIL, "version": EVIL, "time": 1e300, "uptime_seconds": 1e300,
          "interfaces": [{"name": EVIL, "egress": {"attached": True, "mode": EVIL}}]}
mode = sys.argv[1]

def body(path):
    return json.dumps({"peers": [peer]} if "peers" in path else status, ensure_ascii=mode == "evil").encode()

def answer(connection, path):
    text = body(path)
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text)
    if mode.startswith("evil"): connection.sendall(plain + text)
    elif mode == "cut": connection.sendall(plain + text[:-1])
    elif mode == "cut-close": connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + text[:-1])
    elif mode == "huge": connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + text)
    elif mode == "chunked": connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    elif mode == "not-found": connection.sendall(b"HTTP/1.1 404 \x1b[2J\r\n\r\n" + text)
    elif mode == "garbage": connection.sendall(b"\x1b[2J" * 10000)
    elif mode == "html": connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n<html>")
    elif mode == "deep": connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"[" * 1000000)
    elif mode == "silent": time.sleep(20)
    elif mode == "endless":
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True: connection.sendall(b" " * 1000000)

server = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[2] + ".new", "w") as file: file.write(str(server.getsockname()[1]))
import os
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    connection, _ = server.accept()
    try:
        answer(connection, connection.recv(4096).decode().split()[1])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4096)
    except OSError:
        pass
    connection.close()
END
hostile() { # MODE: its address
  rm -f "$SCRATCH/port"
  ip netns exec "$PREFIX-a" python3 "$SCRATCH/hostile.py" "$1" "$SCRATCH/port" 2>> "$SCRATCH/hostile.log" &
  own_process $!
  eventually 10 test -e "$SCRATCH/port" || fail "no hostile instance"
  HOSTILE=127.0.0.1:$(cat "$SCRATCH/port")
}
while read -r mode words; do
  hostile "$mode"
  refused 1 "$words" --once "$HOSTILE"
  refused 1 "$words" -o json "$HOSTILE"
  ! LC_ALL=C grep -q $'[\001-\011\013-\037\177]' "$SCRATCH/error" || fail "an escape in: $(cat -v "$SCRATCH/error")"
done << 'END'
cut it hung up amid its answer
cut-close not JSON at octet
huge its answer is too large
chunked its answer is encoded
not-found it answers with HTTP status 404
garbage does not look like HTTP
html not JSON at octet 0
deep nested too deeply
silent it is silent
endless its answer is too large
END

for mode in evil evil-raw; do
  hostile "$mode"
  for locale in C C.UTF-8; do
    LC_ALL=$locale top a --once "$HOSTILE" > "$SCRATCH/evil"
    grep -q evil "$SCRATCH/evil" || fail "no row: $(cat -v "$SCRATCH/evil")"
    ! LC_ALL=C grep -qP '[\x01-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$SCRATCH/evil" ||
      fail "an escape of a name in: $(cat -v "$SCRATCH/evil")"
  done
  top a -o json "$HOSTILE" > "$SCRATCH/evil"
  assert_eq "$(jq -j '.peers[0].peer' "$SCRATCH/evil" | od -An -tx1 | tr -d ' \n')" \
    1b5b324a1b5d303b6f776e656407c29b33316de280ae6576696c7f "a name as JSON"
  ! LC_ALL=C grep -qP '[\x01-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$SCRATCH/evil" || fail "an escape in JSON: $(cat -v "$SCRATCH/evil")"
done
typed "clear; $KUBE_CANARY top $HOSTILE" Enter
expect '^● .\[2J'
expect '^q quit'
assert_eq "$("${TERMINAL[@]}" display-message -p '#{pane_title}' | grep -c owned || true)" 0 "titles that an instance has set"
typed q
expect 'prompt>'
assert_eq "$(settings)" "$before" "the terminal's settings at last"
