#!/usr/bin/env bash
# The peer's canary goes: its kernel answers port unreachable, probes are refused and not lost, which is said once; it
# comes back and is measured again. A forged port unreachable is no refusal, nor one from on the way, and a flood of them
# neither keeps us from probing nor from hearing a real one.
# Alone: it floods.
export PROTOCOL=stamp FAMILY=both
source "$(dirname "$0")/lib.sh"

two_nodes
canaries_start --probe.interval=50ms --probe.timeout=200ms
for node in a b; do
  eventually 20 at_least 40 "$node" kube_canary_probes_returned_total || fail "$node does not measure"
done

cat > "$SCRATCH/forger.py" <<'PYTHON'
import os, socket, struct, sys, time
# Listens for probes on eth0 to one address, before the reflector takes them away, and sends port unreachables to whom
# they came from.
mode, peer, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
ipv6 = ":" in peer
peer = socket.inet_pton(socket.AF_INET6 if ipv6 else socket.AF_INET, peer)
listen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
listen.bind(("eth0", 0))
listen.settimeout(1)
send = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_RAW,
                     socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP)
def probes(seconds):
    end = time.time() + seconds
    while time.time() < end:
        try:
            ip = listen.recv(2048)[14:]
        except TimeoutError:
            continue
        if ipv6 and ip[0] >> 4 == 6 and ip[6] == 17 and ip[24:40] == peer and ip[42:44] == struct.pack("!H", 862):
            yield ip, socket.inet_ntop(socket.AF_INET6, ip[8:24]), 40
        if not ipv6 and ip[0] == 0x45 and ip[9] == 17 and ip[16:20] == peer and ip[22:24] == struct.pack("!H", 862):
            yield ip, socket.inet_ntoa(ip[12:16]), 20
def unreachable(quote):
    if ipv6:  # the kernel adds the checksum
        return struct.pack("!BBHI", 1, 4, 0, 0) + bytes(quote)
    message = struct.pack("!BBHI", 3, 3, 0, 0) + bytes(quote)
    total = sum(struct.unpack("!%dH" % (len(message) // 2), message))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
sent = 0
if mode == "flood":  # without the payload, as fast as it goes
    found = {}
    for ip, victim, header in probes(2):
        found[ip[header:header + 2]] = unreachable(ip[:header + 8])
    # Two of the flows: all the more for each of them.
    messages = list(found.values())[:2] * 32
    listen.close()
    begin = time.time()
    while sent < wanted:
        for message in messages:
            send.sendto(message, (victim, 0))
        sent += len(messages)
    print(int(sent / (time.time() - begin)))
for ip, victim, header in probes(8) if mode != "flood" else ():
    quote = bytearray(ip)
    if mode == "forge":  # with another timestamp, or without payload
        quote = quote[:header + 8] if sent % 2 else quote[:header + 12] + os.urandom(8)
    send.sendto(unreachable(quote), (victim, 0))
    sent += 1
    if sent == wanted:
        break
raise SystemExit(sent < wanted)
PYTHON
forger() { # NS forge|flood|reject PEER COUNT
  in_ns "$1" python3 "$SCRATCH/forger.py" "${@:2}"
}

run() { # how the canary of b ends
  local before
  before=$(value a kube_canary_probes_refused_total)
  eventually 10 at_least $((before + 40)) a kube_canary_probes_refused_total || fail "$1: not refused"
  file=$(scrape a)
  assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "$1: lost"
  assert_eq "$(metric "$file" kube_canary_probes_unstamped_total)" 0 "$1: unstamped"
  assert_eq "$(metric "$file" kube_canary_attached)" 2 "$1: attached"
  assert_invariant "$file"
}

canary_stop b
run "ended by SIGTERM"
# Both families are two peers.
assert_eq "$(grep -c 'port unreachable' "$SCRATCH/canary-a.log")" 2 "lines about a refusal"

returned=$(value a kube_canary_probes_returned_total)
canary_start b --node.name=node-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 --probe.interval=50ms
eventually 10 at_least $((returned + 40)) a kube_canary_probes_returned_total || fail "not measured after a restart"
kill -KILL "${LOADER[b]}"
run "loader killed"
note "refused $(value a kube_canary_probes_refused_total), lost 0 over a clean end, a restart and a kill"

# With the error queue full of somebody's inventions: port unreachables that quote no probe of ours.
returned=$(value a kube_canary_probes_returned_total)
canary_start b --node.name=node-b --peers.static=198.18.0.1 --peers.static=fd00:18::1 --probe.interval=50ms
eventually 10 at_least $((returned + 40)) a kube_canary_probes_returned_total || fail "not measured after a kill"
refused=$(value a kube_canary_probes_refused_total)
rejected=$(value a kube_canary_refusals_rejected_total)
forger b forge 198.18.0.2 40 || fail "the forger failed"
forger b forge fd00:18::2 20 || fail "the forger failed"
file=$(scrape a)
assert_eq "$(metric "$file" kube_canary_probes_refused_total)" "$refused" "forged refusals believed"
assert_eq "$(metric "$file" kube_canary_probes_lost_total)" 0 "lost to forged refusals"
assert_eq "$(metric "$file" kube_canary_send_errors_total)" 0 "send errors by forged refusals"
eventually 3 equals $((rejected + 60)) a kube_canary_refusals_rejected_total || fail "forged refusals not counted"
canary_stop a

# Beside b, which is innocent and measured: c, which is stopped, and one behind c, where something rejects.
namespace c
wire a eth1 c eth0
address a eth1 198.18.1.1/24 fd00:19::1/64
address c eth0 198.18.1.2/24 fd00:19::2/64
in_ns a ip route add 198.18.2.9 via 198.18.1.2
in_ns a ip route add fd00:20::9 via fd00:19::2
canary_start a --node.name=node-a --peers.static=b=198.18.0.2 --peers.static=c=198.18.1.2 --peers.static=c6=fd00:19::2 \
  --peers.static=behind=198.18.2.9 --peers.static=behind6=fd00:20::9 --probe.interval=50ms --probe.timeout=200ms
eventually 10 at_least 40 a kube_canary_probes_refused_total 'peer="c"' || fail "c is not refused"
for peer in 198.18.2.9 fd00:20::9; do
  rejected=$(value a kube_canary_refusals_rejected_total)
  forger c reject "$peer" 20 || fail "nothing to reject"
  eventually 3 equals $((rejected + 20)) a kube_canary_refusals_rejected_total || fail "rejections on the way to $peer not counted"
done
for peer in behind behind6; do
  assert_eq "$(value a kube_canary_probes_refused_total "peer=\"$peer\"")" 0 "refused by somebody else: $peer"
  eventually 3 at_least 20 a kube_canary_probes_lost_total "peer=\"$peer\"" || fail "rejected on the way, and not lost: $peer"
done

rejected=$(value a kube_canary_refusals_rejected_total)
lost=$(value a kube_canary_probes_lost_total 'peer="c"')
refused=$(value a kube_canary_probes_refused_total 'peer="c"')
rate=$(forger b flood 198.18.0.2 200000) || fail "the flood failed"
file=$(scrape a)
refused=$(($(metric "$file" kube_canary_probes_refused_total 'peer="c"') - refused))
eventually 3 at_least $((rejected + 10000)) a kube_canary_refusals_rejected_total || fail "the flood is not counted"
sleep 0.5
file=$(scrape a)
note "flood of $rate a second: $refused refused by c, $(($(metric "$file" kube_canary_probes_lost_total 'peer="c"') - lost))" \
  "lost, counted $(($(metric "$file" kube_canary_refusals_rejected_total) - rejected))"
assert_eq "$(metric "$file" kube_canary_send_errors_total)" 0 "send errors by the flood"
# Two turns fit between two looks at the error queues, before the flood is noticed.
assert_between "$(metric "$file" kube_canary_probes_lost_total 'peer="c"')" "$lost" $((lost + 2)) "lost instead of refused, in a flood"
assert_eq "$(metric "$file" kube_canary_probes_lost_total 'peer="b"')" 0 "lost of b in a flood"
assert_at_least "$refused" 10 "refused in a flood"
assert_invariant "$file"
canary_stop a
