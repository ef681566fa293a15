#!/usr/bin/env bash
# The peers file changes under a running canary: added peers start from zero, removed ones end, a bad line
# changes nothing and is named, and rename, symlink swap and SIGHUP are all noticed.
source "$(dirname "$0")/lib.sh"

two_nodes
address b eth0 198.18.0.3/24 198.18.0.4/24 198.18.0.5/24 198.18.0.6/24
peers=$SCRATCH/peers
log=$SCRATCH/canary-a.log
series() { grep -c "^kube_canary_probes_sent_total{peer=\"$1\"}" "$(scrape a)" || true; }
has_series() { [ "$(series "$1")" = "$2" ]; }
measured() { eventually 10 at_least 10 a kube_canary_probes_returned_total "peer=\"$1\"" || fail "$1 is not measured"; }

printf '198.18.0.2 two\n198.18.0.3 three\n' > "$peers"
canary_start a --peers.file="$peers" --peers.linger=0s --probe.interval=20ms --probe.timeout=100ms
measured two
measured three

# Added; the others go on.
before=$(value a kube_canary_probes_sent_total 'peer="two"')
echo '198.18.0.4 four' >> "$peers"
measured four
assert_at_least "$(value a kube_canary_probes_sent_total 'peer="two"')" "$before" "probes to two, which goes on"

# Removed, and another in its place: its own figures from the start.
printf '198.18.0.2 two\n198.18.0.4 four\n198.18.0.5 five\n' > "$SCRATCH/new"
mv "$SCRATCH/new" "$peers"
eventually 5 has_series three 0 || fail "the series of a removed peer go on"
measured five
assert_at_least "$(value a kube_canary_probes_sent_total 'peer="two"')" \
  $(($(value a kube_canary_probes_sent_total 'peer="five"') + 20)) "probes to two, beyond those to the new peer"

# A bad line: named with file, line and text; the last good set stays.
printf '198.18.0.2 two\n198.18.0.999 oops\n198.18.0.6 six\n' > "$peers"
eventually 5 grep -q '198\.18\.0\.999' "$log" || fail "the bad line is not reported"
grep '198\.18\.0\.999' "$log" | grep -q 'peers:2\|line 2' || fail "no file and line in: $(grep 999 "$log" | head -n 1)"
assert_eq "$(value a kube_canary_config_last_reload_successful)" 0 "success of the last reload"
assert_eq "$(series five)$(series six)" 10 "series after a bad file"
before=$(value a kube_canary_probes_returned_total 'peer="five"')
eventually 5 at_least $((before + 10)) a kube_canary_probes_returned_total 'peer="five"' || fail "the last good set is not probed"

# Mended, by way of a symlink that is swapped, as Kubernetes does for a ConfigMap.
mkdir "$SCRATCH/one" "$SCRATCH/two"
printf '198.18.0.2 two\n198.18.0.5 five\n' > "$SCRATCH/one/peers"
printf '198.18.0.2 two\n198.18.0.6 six\n' > "$SCRATCH/two/peers"
ln -s one "$SCRATCH/data"
canary_stop a
canary_start a --peers.file="$SCRATCH/data/peers" --peers.linger=0s --probe.interval=20ms --probe.timeout=100ms
measured five
ln -s two "$SCRATCH/next"
mv -T "$SCRATCH/next" "$SCRATCH/data"
measured six
eventually 5 has_series five 0 || fail "a symlink swap is not noticed"

# SIGHUP re-reads, and success is said.
kill -HUP "${LOADER[a]}"
sleep 0.5
assert_eq "$(value a kube_canary_config_last_reload_successful)" 1 "success of the last reload"

# Gone: the last good set stays. Back: taken.
rm "$SCRATCH/two/peers"
sleep 1
measured six
printf '198.18.0.3 three\n' > "$SCRATCH/two/peers"
measured three
assert_eq "$(value a kube_canary_probes_lost_total)" 0 lost
canary_stop a
