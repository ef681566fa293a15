#!/usr/bin/env bash
# `make install` into a folder, and out of it again; the man page tells every option and is well-formed; the unit
# is one that systemd takes without a word, grants what DESIGN says and no more, and exposes little.
source "$(dirname "$0")/lib.sh"
need make mandoc man systemd-analyze

unset MAKEFLAGS MAKELEVEL MFLAGS
destination=$SCRATCH/destination
install_to() { # TARGET PREFIX UNITDIR
  make -s -C "$TOP" WERROR=1 BUILD="$BUILD" DESTDIR="$destination" prefix="$2" unitdir="$3" "$1" || fail "make $1"
}
files() { (cd "$destination" && find . -type f -printf '%m %P\n' | sort -k 2); }

# --- the two usual places; no file anywhere else

for place in "/usr /lib/systemd/system" "/usr/local /usr/local/lib/systemd/system"; do
  read -r prefix units <<< "$place"
  rm -rf "$destination"
  install_to install "$prefix" "$units"
  assert_eq "$(files)" "$(sort -k 2 << END
644 etc/default/kube-canary
644 ${units#/}/kube-canary.service
755 ${prefix#/}/bin/kube-canary
644 ${prefix#/}/share/bash-completion/completions/kube-canary
644 ${prefix#/}/share/man/man8/kube-canary.8
644 ${prefix#/}/share/zsh/site-functions/_kube-canary
END
  )" "files of prefix=$prefix"
  assert_eq "$(sed -n 's/^ExecStart=//p' "$destination$units/kube-canary.service")" "$prefix/bin/kube-canary" "program of the unit"
  # Options are the administrator's: neither put back nor taken away.
  echo "# mine" > "$destination/etc/default/kube-canary"
  install_to install "$prefix" "$units"
  assert_eq "$(cat "$destination/etc/default/kube-canary")" "# mine" "options after a second install"
  install_to uninstall "$prefix" "$units"
  assert_eq "$(files)" "644 etc/default/kube-canary" "files after uninstall"
done
rm -rf "$destination"
install_to install /usr /lib/systemd/system
program=$destination/usr/bin/kube-canary
unit=$destination/lib/systemd/system/kube-canary.service
page=$destination/usr/share/man/man8/kube-canary.8

# --- the example of options: with its comments taken off, it is a configuration

mkdir "$SCRATCH/etc"
echo "192.0.2.14 node-d" > "$SCRATCH/etc/peers"
mapfile -t examples < <(sed -n 's/^#\(KUBE_CANARY_\)/\1/p' "$destination/etc/default/kube-canary" |
  sed "s|/etc/kube-canary/peers|$SCRATCH/etc/peers|")
assert_at_least "${#examples[@]}" 6 "examples of options"
assert_eq "$(env "${examples[@]}" "$program" --check-config 2>&1)" "configuration OK" "the examples of options"
assert_eq "$(grep -cEv '^(#|$)' "$destination/etc/default/kube-canary")" 0 "options that are set as it comes"

# --- the man page

assert_eq "$(mandoc -T lint -W warning "$page" 2>&1)" "" "mandoc's warnings"
# Also where the terminal has ASCII alone.
assert_eq "$(LC_ALL=C man --warnings -l "$page" 2>&1 > /dev/null)" "" "groff's warnings"
MANWIDTH=200 man --no-hyphenation --no-justification -E UTF-8 -l "$page" | col -b | expand > "$SCRATCH/page"
grep -q '^NAME' "$SCRATCH/page" || fail "the page is empty"
options=0
while read -r option; do
  # A short one has its text beside it.
  awk -v option="       $option " 'index($0 " ", option) == 1 { found = 1 } END { exit !found }' "$SCRATCH/page" ||
    fail "the man page does not tell $option"
  options=$((options + 1))
done < <("$program" --help | sed -n 's/^  \(--[^ ]*\) .*/\1/p')
assert_at_least "$options" 30 "options of the man page"
assert_eq "$(sed -n '/^OPTIONS/,/^COMMANDS/p' "$SCRATCH/page" | grep -c '^       --[a-z]')" "$options" \
  "options of the man page, and of --help"
"$program" --help | sed -n 's/.* \[\(KUBE_CANARY_[A-Z_]*\)\]$/\1/p' > "$SCRATCH/variables"
while read -r variable; do
  grep -q " $variable\$" "$SCRATCH/page" || fail "the man page does not tell $variable"
done < "$SCRATCH/variables"
# What is said of them as well, whatever its line breaks.
words() { tr -s ' \n' '  ' | tr '[:upper:]' '[:lower:]'; }
while IFS= read -r text; do
  grep -qF -- "$(words <<< "$text" | sed 's/ $//')" <(words < "$SCRATCH/page") ||
    fail "the man page does not say: $text"
done < <("$program" --help | sed -n 's/^  --[^ ]* *\(.*\)/\1/p' | sed 's/ \[KUBE_CANARY_[A-Z_]*\]$//')
for section in SYNOPSIS DESCRIPTION OPTIONS COMMANDS SIGNALS "EXIT STATUS" ENVIRONMENT FILES EXAMPLES "SEE ALSO"; do
  grep -qx "$section" "$SCRATCH/page" || fail "the man page has no section $section"
done
grep -q "$("$program" --version | cut -d ' ' -f 1-2)" "$SCRATCH/page" || fail "the man page does not tell the version"

# --- the unit

# The program as it was installed here: otherwise systemd misses it.
sed "s|^ExecStart=/usr|ExecStart=$destination/usr|" "$unit" > "$SCRATCH/etc/kube-canary.service"
said=$(systemd-analyze verify --man=no "$SCRATCH/etc/kube-canary.service" 2>&1) || fail "systemd refuses the unit: $said"
assert_eq "$(grep -F kube-canary <<< "$said" || true)" "" "what systemd says of the unit"
assert_eq "$(sed -n 's/^CapabilityBoundingSet=//p' "$unit")" "CAP_BPF CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID" capabilities
exposure=$(systemd-analyze security --offline=true --no-pager "$SCRATCH/etc/kube-canary.service" |
  sed -n 's/.*Overall exposure level[^:]*: \([0-9.]*\).*/\1/p')
assert_between "$exposure" 0 3 "exposure, by systemd-analyze security"
note "$options options in the man page; exposure of the unit $exposure, by systemd-analyze security"
