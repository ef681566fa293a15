#!/usr/bin/env bash
# `kube-canary check`: what it says of a node is true, of rights, ports, others' programs, routes and devices; it attaches
# nothing to the node's interfaces, and leaves nothing behind.
source "$(dirname "$0")/lib.sh"
need jq setpriv bpftool script python3

two_nodes
# Its maps are told from those of all others by their size.
export KUBE_CANARY_PROBE_MAX=77
unset KUBE_CANARY_PROBE_PROTOCOL KUBE_CANARY_PEERS_FAMILY

source "$(dirname "$0")/check.sh"

foreign_attach try tcx ingress -1 eth0 || skip "no TCX: this test is of a kernel that has it"
kill -TERM "${FOREIGN[try]}"
eventually 3 process_ended "${FOREIGN[try]}"

# All is well; the node hears of nothing that would change.
ip netns exec "$PREFIX-a" tc monitor > "$SCRATCH/monitor" 2>&1 &
own_process $!
ip netns exec "$PREFIX-a" ip monitor link > "$SCRATCH/monitor-links" 2>&1 &
own_process $!
sleep 0.3
for hook in auto clsact xdp; do
  start=$EPOCHREALTIME
  check 0 --bpf.hook=$hook 198.18.0.2 node-b6=fd00:18::2
  note "--bpf.hook=$hook: $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }') s, $(jq -c .count "$SCRATCH/check")"
  for id in permissions.needed permissions.uid kernel.programs kernel.maps kernel.icmp kernel.tcx kernel.timestamps port.stamp port.web host.ipv6 \
    peers.routes interface.device interface.mtu interface.hook interface.tcx_ingress interface.tcx_egress interface.xdp; do
    is "$id" ok "a node where all is well, $hook"
  done
  assert_eq "$(jq -r '[.findings[].interface | select(.)] | unique | join(" ")' "$SCRATCH/check")" eth0 "interfaces looked at"
done
is kernel.xdp ok "--bpf.hook=xdp"
says interface.hook "XDP for what comes in"
check 0 --bpf.hook=clsact 198.18.0.2
is kernel.clsact ok "--bpf.hook=clsact"
says interface.hook "clsact, both ways"
sleep 0.3
assert_eq "$(cat "$SCRATCH/monitor" "$SCRATCH/monitor-links" | wc -c)" 0 "octets of notices in the node's namespace"
in_ns a ip link add heard0 type veth peer name heard1
in_ns a tc qdisc add dev heard0 clsact
in_ns a ip link delete heard0
eventually 3 [ -s "$SCRATCH/monitor" ] || fail "tc monitor hears nothing"
eventually 3 [ -s "$SCRATCH/monitor-links" ] || fail "ip monitor hears nothing"

# Text: 80 columns where nobody says otherwise, and colour for terminals that want it only.
in_ns a "$KUBE_CANARY" check 198.18.0.2 > "$SCRATCH/text"
assert_eq "$(awk 'length > 80' "$SCRATCH/text")" "" "lines longer than 80"
! grep -q $'\033' "$SCRATCH/text" || fail "escapes in a file"
grep -q '^kube-canary would work here: 0 problems' "$SCRATCH/text" || fail "no summary: $(tail -n 1 "$SCRATCH/text")"
in_terminal() { TERM=xterm in_ns a script -qec "$1" /dev/null < /dev/null > "$SCRATCH/text"; }
in_terminal "'$KUBE_CANARY' check 198.18.0.2"
grep -q $'\033' "$SCRATCH/text" || fail "no colour in a terminal"
in_terminal "NO_COLOR=1 '$KUBE_CANARY' check 198.18.0.2"
! grep -q $'\033' "$SCRATCH/text" || fail "colour in spite of NO_COLOR"

# Without rights nothing that was not tried is called good.
UNDER=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
check 1 --timestamps=bpf 198.18.0.2
is permissions.needed fail "no capability"
is kernel.timestamps fail "no capability"
is kernel.programs not_tried "no capability"
is kernel.tcx "" "no capability"
is interface.hook not_tried "no capability"
is interface.tcx_ingress not_tried "no capability"
is interface.device ok "no capability"
UNDER=(setpriv "--bounding-set=-all,+bpf,+net_raw" --inh-caps=-all)
check 1 --timestamps=bpf 198.18.0.2
says permissions.needed "missing: NET_ADMIN"
UNDER=(setpriv "--bounding-set=-all,+bpf,+net_admin" --inh-caps=-all)
check 1 --timestamps=bpf 198.18.0.2
is kernel.icmp fail "without NET_RAW"
is kernel.programs ok "without NET_RAW"
UNDER=(setpriv "--bounding-set=-all,+bpf,+net_admin,+net_raw" --inh-caps=-all)
check 0 198.18.0.2
is permissions.uid warn "the three that are needed"
is kernel.programs ok "the three that are needed"
note "with BPF, NET_ADMIN, NET_RAW alone, attaching TCX: $(status_of kernel.tcx)"
UNDER=(setpriv "--bounding-set=-all,+sys_admin,+net_admin,+net_raw" --inh-caps=-all)
check 0 198.18.0.2
is permissions.needed ok "SYS_ADMIN, which stands for BPF"
is kernel.programs ok "SYS_ADMIN, which stands for BPF"
# Kernels that refuse bpf() in a user namespace of its own tell nothing of the program outside of it.
EPERM=1 BPF_OBJ_GET_INFO_BY_FD=15
refused=("$TOOLS/refuse" bpf "$BPF_OBJ_GET_INFO_BY_FD" "$EPERM")
UNDER=("${refused[@]}" setpriv "--bounding-set=-all,+bpf,+net_admin,+net_raw" --inh-caps=-all)
check 0 --bpf.hook=clsact 198.18.0.2
is kernel.clsact not_tried "bpf() refused to root of a user namespace"
is interface.hook not_tried "bpf() refused to root of a user namespace"
UNDER=("${refused[@]}")
check 1 --bpf.hook=clsact 198.18.0.2
is kernel.clsact fail "bpf() refused to us"
# Nobody who was chrooted gets a user namespace, and without SYS_ADMIN no other: so nothing can be attached.
UNDER=(unshare --mount --propagation private bash -c 'mount --rbind / /mnt && exec chroot /mnt "$@"' bash
  setpriv "--bounding-set=-all,+bpf,+net_admin,+net_raw" --inh-caps=-all)
check 0 198.18.0.2
is kernel.programs ok "no namespace"
is kernel.tcx not_tried "no namespace"
is kernel.xdp "" "no namespace"
is interface.hook not_tried "no namespace"
check 0 --bpf.hook=clsact 198.18.0.2
is kernel.clsact not_tried "no namespace"
is interface.hook not_tried "no namespace"
UNDER=(unshare --user --map-root-user)
if "${UNDER[@]}" true 2> /dev/null; then
  check 1 --timestamps=bpf 198.18.0.2
  is permissions.user_namespace fail "root of a user namespace"
  is kernel.programs fail "root of a user namespace"
else
  note "not tried as root of a user namespace: there is none to be had here (chrooted?)"
fi
UNDER=()

# Ports: somebody's, and those of another kube-canary.
reflector_start a
check 1 198.18.0.2
is port.stamp fail "UDP 862 is taken"
check 0 --stamp.port=8620 198.18.0.2
is port.stamp ok "another port"
check 0 --reflector=false 198.18.0.2
reflector_stop
canary_start a --peers.static=198.18.0.2
check 0 198.18.0.2
is host.instances warn "another one runs"
says host.instances "${LOADER[a]}"
is port.web warn "another one runs"
says interface.tcx_ingress kc_ingress
# As in its pod: without the right to look into it.
UNDER=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
check 0 --stamp.port=8620 198.18.0.2
is host.instances warn "another one that may not be looked into"
is port.web warn "that one's port"
UNDER=()
canary_stop a
check 0 198.18.0.2
is host.instances ok "it ended"

# A port that the exporter may not have.
KUBE_CANARY_WEB_LISTEN_ADDRESS=:80 check 1 198.18.0.2
is port.web fail "run would end"
says port.web "takes a capability"

# Others' programs.
in_ns a tc qdisc add dev eth0 clsact
foreign_attach out tcx egress 0 eth0
check 0 198.18.0.2
says interface.tcx_egress "1: foreign"
says interface.tcx_ingress nobody
foreign_attach in tcx ingress -1 eth0
foreign_attach filter tc ingress 0 eth0
foreign_attach driver xdp ingress 2 eth0
check 0 198.18.0.2
says interface.tcx_ingress "1: foreign"
says interface.clsact_ingress "foreign (priority 1)"
says interface.xdp foreign
is interface.tcx_egress ok "ours goes before it"
is interface.xdp warn "XDP sees replies first"
check 0 --bpf.hook=clsact 198.18.0.2
is interface.tcx_egress warn "TCX before our clsact"
for id in in out filter driver; do
  process_ended "${FOREIGN[$id]}" && fail "check ended the foreign $id"
  kill -TERM "${FOREIGN[$id]}"
  eventually 3 process_ended "${FOREIGN[$id]}"
done
in_ns a tc filter del dev eth0 ingress
in_ns a tc filter add dev eth0 ingress prio 1 protocol all u32 match u32 1 0xffffffff
check 0 --bpf.hook=clsact 198.18.0.2
is interface.clsact_ingress warn "a filter of another kind has priority 1"
check 0 198.18.0.2
is interface.clsact_ingress ok "TCX before it"
in_ns a tc filter del dev eth0 ingress
in_ns a tc filter add dev eth0 egress prio 1 protocol ip u32 match u32 1 0xffffffff
check 0 --bpf.hook=clsact 198.18.0.2
is interface.clsact_egress warn "a filter of another protocol has priority 1"
in_ns a tc qdisc del dev eth0 clsact
in_ns a tc qdisc add dev eth0 ingress
check 1 --bpf.hook=clsact 198.18.0.2
is interface.qdisc fail "an ingress qdisc in the place of clsact"
check 0 198.18.0.2
is interface.qdisc ok "TCX needs none"
in_ns a tc qdisc del dev eth0 ingress

# Routes and devices.
check 1 198.51.100.7 198.18.0.2
is peers.route fail "no route"
check 0
is peers.routes not_tried "no peer, no default route"
in_ns a ip route add default via 198.18.0.2
check 0
is interface.hook ok "the default route's interface"
KUBE_CANARY_PROBE_SIZE=2000 check 1 198.18.0.2
is interface.mtu fail "probes of 2000 octets"
in_ns a ip tuntap add dev tun0 mode tun
check 0 --bpf.interfaces=eth0,tun0
assert_eq "$(status_of interface.device tun0)" warn "a tunnel that is down"
[[ $(found interface.device) == *L3* ]] || fail "a tunnel is not called L3"
check 1 --bpf.interfaces=eth0,nosuch0
is interface.missing fail "no such interface"
echo "198.18.0.2 node-b" > "$SCRATCH/peers"
KUBE_CANARY_PEERS_FILE="$SCRATCH/peers" check 0
says peers.routes "1 peer is routed over 1 interface"
echo "rubbish" >> "$SCRATCH/peers"
KUBE_CANARY_PEERS_FILE="$SCRATCH/peers" check 1
is peers.file fail "rubbish in the peers file"

# Wrong words: status 2, one line that names them, and nothing on standard output.
for wrong in --output=yaml rubbish --stamp.port=0 --bpf.hook=magic --bpf.interfaces=a/b --nosuch "198.18.0.2,"; do
  check 2 "$wrong"
  assert_eq "$(wc -c < "$SCRATCH/check")" 0 "octets of output of check $wrong"
  assert_eq "$(wc -l < "$SCRATCH/check.log")" 1 "lines of the error of check $wrong"
  value=${wrong#*=}
  grep -qF -- "$value" "$SCRATCH/check.log" || fail "the error of check $wrong: $(cat "$SCRATCH/check.log")"
done

# Nothing is left: a link, a filter or a namespace would hold programs, and these their maps.
maps_are() { # true|false: whether maps of ours are seen, by a bpftool that works
  local seen
  seen=$(bpftool map list --json | jq 'any(.[]; .name == "kc_peers" and .max_entries == 77)') && [ "$seen" = "$1" ]
}
eventually 10 maps_are false || fail "maps are left behind"
in_ns a "$KUBE_CANARY" check 198.18.0.2 > /dev/null &
own_process $!
eventually 5 maps_are true || fail "no map is seen even while check runs: that none is left means nothing"
wait $!
eventually 10 maps_are false || fail "maps are left behind"
assert_eq "$(in_ns a ip -o link | wc -l)" 3 "links: lo, eth0, tun0"
assert_eq "$(in_ns a tc -j qdisc show dev eth0 | jq -r 'map(.kind) | join(" ")')" noqueue "qdiscs"
no_tcx_programs a eth0 || fail "TCX programs are left"
