#!/usr/bin/env bash
# The program as it is shipped: twice the same bytes, from two folders; what it is made of; what it says.
source "$(dirname "$0")/lib.sh"

build() { # TREE RELEASE-FOLDER [ARCH]
  # Sources and libraries are made once for all, as their stamps tell.
  RELEASE=$2 REVISION=$REVISION_TESTED "$1/scripts/build-release" "${@:3}"
}

# What is not to be there counts as not there only if the tool has read the file and has told something of it.
tells_none() { # PATTERN COMMAND…
  local words
  words=$("${@:2}") && [ -n "$words" ] && ! grep -E -e "$1" <<< "$words"
}

tells() { # PATTERN COMMAND…
  local words
  words=$("${@:2}") && { grep -E -e "$1" <<< "$words" || { echo "$words"; return 1; }; }
}

no_path() { # of the machine that built it, nor of its folders
  local words
  words=$(strings -a "$1") && [ -n "$words" ] &&
    ! grep -F -e "$SCRATCH" -e "$TOP" -e "$(realpath "$RELEASE")" <<< "$words"
}

not_writable_and_executable() { # nor is the stack, which the file must say
  readelf -lW "$1" | awk '$1 == "LOAD" { loads++ } $1 == "GNU_STACK" { stack++ }
    $1 ~ /^(LOAD|GNU_STACK)$/ && / RWE / { print; found++ } END { exit found || !loads || !stack }'
}

refuses_space() {
  local status=0
  RELEASE="$SCRATCH/a folder" "$TOP/scripts/build-release" || status=$?
  [ "$status" -eq 2 ] && [ ! -e "$SCRATCH/a folder" ]
}

here=$SCRATCH/here there=$SCRATCH/another/folder
copy_tree "$here/tree"
copy_tree "$there/the-tree"
mkdir -p "$RELEASE"
for place in "$here" "$there"; do
  mkdir -p "$place/out"
  "$TOP/scripts/release/fetch-sources" "$RELEASE/sources"
  ln -s "$RELEASE/sources" "$place/out/sources"
done

check "the release builds" build "$TOP" "$RELEASE"
ln -s "$RELEASE/deps" "$here/out/deps"
ln -s "$RELEASE/deps" "$there/out/deps"
check "it builds in another folder" build "$here/tree" "$here/out"
check "and in a third one, later" build "$there/the-tree" "$there/out"
check "the bytes are the same" cmp "$here/out/kube-canary" "$there/out/kube-canary"
check "those of the tree itself as well" cmp "$here/out/kube-canary" "$RELEASE/kube-canary"

program=$RELEASE/kube-canary
check "a program at any address, static, stripped" \
  grep -E 'ELF 64-bit LSB pie executable, x86-64, .*static-pie linked, stripped' <(file "$program")
check "no interpreter" tells_none INTERP readelf -lW "$program"
check "no library needed" tells_none NEEDED readelf -dW "$program"
check "it says itself that it goes to any address" tells 'FLAGS_1.*\bPIE\b' readelf -dW "$program"
check "everything is bound at the start" tells 'FLAGS_1.*\bNOW\b' readelf -dW "$program"
check "it names what is to be read-only after that" tells GNU_RELRO readelf -lW "$program"
check "ldd finds nothing" grep -E 'statically linked|not a dynamic executable' <(ldd "$program" 2>&1)
check "no path of the machine in it" no_path "$program"
check "nothing is writable and executable" not_writable_and_executable "$program"
size=$(stat --format=%s "$program")
check "at most 1 MB ($size bytes)" at_most "$size" 1000000
check "it tells its version" equal "$("$program" --version)" \
  "kube-canary $(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile") ($REVISION_TESTED)"
check "it tells what it was made of" equal "$(cut -d ' ' -f 1 "$RELEASE/SOURCES" | tr '\n' ' ')" \
  "c-ares elfutils libbpf libmicrohttpd musl zlib "
for package in c-ares elfutils libbpf libmicrohttpd musl zlib; do
  check "their copyrights are beside it: $package" grep "^==== $package .*: debian/copyright$" "$RELEASE/NOTICES"
done
check "a folder with a space in its name is refused" refuses_space

# What the start lets go of is called from nowhere else: kernel.c's loading, and of libbpf's system calls those that
# only it makes. `kube-canary check`, which lets go of nothing, asks who is on the hooks (chains_list).
calls_into_loading() {
  local linked=$RELEASE/x86-64/kube-canary
  objdump -d --no-show-raw-insn "$linked" | awk -v begin="$(address_of "$linked" footprint_loading_text)" \
    -v end="$(address_of "$linked" footprint_loading_text_end)" '
    /^[0-9a-f]+ <.*>:$/ { at = sprintf("%16s", $1); gsub(/ /, "0", at); name = $2; inside = at >= begin && at < end; next }
    !inside && match($0, /[0-9a-f]+ </) {
      to = sprintf("%16s", substr($0, RSTART, RLENGTH - 2)); gsub(/ /, "0", to)
      if (to >= begin && to < end) print name }' | tr -d '<>:' | sort -u | paste -sd ' '
}

address_of() { # PROGRAM SYMBOL
  nm "$1" | awk -v symbol="$2" '$3 == symbol { print $1 }'
}

check "only loading calls what is let go" equal "$(calls_into_loading)" \
  "bpf_map_create bpf_prog_load bump_rlimit_memlock canary_bpf__destroy chains_list footprint_drop_loading kernel_load kernel_open"

# A list that fits the program no longer, or all of it, would keep the start's code in memory.
section_kib() { # NAME
  readelf -SW "$program" | awk -v name="$1" '{ sub(/^ *\[ *[0-9]+\]/, "") } $1 == name { print $5 }' | { read -r size && echo $((16#$size / 1024)); }
}

hot=$(section_kib .text.hot)
check "what the running program always calls lies together, 48 to 88 KiB ($hot)" test "$hot" -ge 48 -a "$hot" -le 88
scrape=$(section_kib .text.scrape)
check "what scrapes call besides lies together, 48 to 96 KiB ($scrape)" test "$scrape" -ge 48 -a "$scrape" -le 96
rare=$(section_kib .text.rare)
check "what it calls now and then lies together, 24 to 96 KiB ($rare)" test "$rare" -ge 24 -a "$rare" -le 96
