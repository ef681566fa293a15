#!/usr/bin/env bash
# The same program for arm64, cross-built, as far as an emulator of another machine's user space can run it: what it says,
# how it reads its options and files, and that it ends in good order where the kernel's half cannot be emulated.
source "$(dirname "$0")/lib.sh"

for command in aarch64-linux-gnu-gcc qemu-aarch64-static; do
  command -v "$command" > /dev/null || { skip "arm64: $command is not installed"; exit 0; }
done

program=$RELEASE/kube-canary-arm64
run() {
  timeout 20 qemu-aarch64-static "$program" "$@" 2>&1
}

refuses() { # STATUS PATTERN OPTION…
  local status=0
  run "${@:3}" > "$SCRATCH/words" || status=$?
  cat "$SCRATCH/words"
  [ "$status" -eq "$1" ] && grep -q -- "$2" "$SCRATCH/words"
}

# By make, as everybody calls it: what it hands down must not get into the libraries' own builds.
check "the release builds for arm64" env RELEASE="$RELEASE" make -s -C "$TOP" release ARCH=arm64 REVISION="$REVISION_TESTED"
check "a static program for it" grep -E 'ELF 64-bit LSB pie executable, ARM aarch64, .*static-pie linked, stripped' \
  <(file "$program")
size=$(stat --format=%s "$program")
check "at most 1 MB ($size bytes)" at_most "$size" 1000000
check "it tells its version" equal "$(run --version)" \
  "kube-canary $(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile") ($REVISION_TESTED)"
check "it tells its options as the other does" cmp <(run --help) <("$RELEASE/kube-canary" --help)
printf '192.0.2.1 node-a\n2001:db8::1 node-b\n' > "$SCRATCH/peers"
check "it reads options and a file of peers" equal "$(run --check-config --peers.file="$SCRATCH/peers")" "configuration OK"
printf 'nonsense\n' > "$SCRATCH/peers"
check "it refuses a file of nonsense" refuses 2 'nonsense' --check-config --peers.file="$SCRATCH/peers"
check "it refuses an option that there is not" refuses 2 'unknown option' --bogus
check "without a kernel's half it ends in good order" refuses 1 'cannot start' --peers.static=192.0.2.1
