#!/usr/bin/env bash
# The image, built for real: from a Debian made for it and nothing else; what is in it, and a mesh of three that runs from it.
# What it takes most of its time for, the Debian, is kept in $RELEASE/image.
source "$(dirname "$0")/lib.sh"

for command in buildah debootstrap; do
  command -v "$command" > /dev/null || { skip "image: $command is not installed"; exit 0; }
done

base=localhost/kube-canary-base
name=localhost/kube-canary-tested
store=$RELEASE/image
container=
images() {
  buildah --storage-driver "${STORAGE_DRIVER:-overlay}" --root "$store/storage" --runroot "$store/run" "$@"
}

at_end() {
  [ -z "$container" ] || images rm "$container" > /dev/null
}

make_base() { # a Debian as BASE is, from wherever this one comes
  local from mirror
  # shellcheck disable=SC2016 # apt's variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Codename: bookworm' | head -n 1)
  rm -rf "$store/base"
  debootstrap --variant=minbase bookworm "$store/base" "$mirror" || return 1
  cp /etc/apt/sources.list.d/debian.sources "$store/base/etc/apt/sources.list.d/" 2> /dev/null &&
    rm -f "$store/base/etc/apt/sources.list"
  from=$(images from scratch) &&
    images add --quiet "$from" "$store/base" / &&
    images commit --quiet --rm "$from" "$base" &&
    rm -rf "$store/base"
}

build_image() { # NAME
  images bud --isolation chroot --layers --timestamp 0 --build-arg BASE="$base" --build-arg REVISION="$REVISION_TESTED" \
    --tag "$1" "$TOP"
}

label() { # NAME
  images inspect --type image --format "{{ index .OCIv1.Config.Labels \"org.opencontainers.image.$1\" }}" "$name"
}

bytes_of_image() {
  images push --quiet "$name" "oci-archive:$SCRATCH/image.tar" && stat --format=%s "$SCRATCH/image.tar"
}

mkdir -p "$store"
images inspect --type image "$base" > /dev/null 2>&1 || check "a Debian to build in" make_base
start=$SECONDS
check "the image builds" build_image "$name"
echo "     built in $((SECONDS - start)) s"

container=$(images from "$name")
root=$(images mount "$container")
check "one file is in it" equal "$(cd "$root" && find . -mindepth 1 -printf '%y %m %p\n')" "f 755 ./kube-canary"
size=$(bytes_of_image)
check "under 2 MB as an archive ($size bytes)" at_most "$size" 1999999
size=$(stat --format=%s "$root/kube-canary")
check "under 2 MB unpacked ($size bytes)" at_most "$size" 1999999
check "the release builds, of the same revision" env RELEASE="$RELEASE" REVISION="$REVISION_TESTED" "$TOP/scripts/build-release"
check "the program is the one of the release" cmp "$root/kube-canary" "$RELEASE/kube-canary"
check "it is what runs" equal "$(images inspect --type image --format '{{ .OCIv1.Config.Entrypoint }}' "$name")" "[/kube-canary]"
check "its user is root, who drops privileges by the program" equal "$(images inspect --type image --format '{{ .OCIv1.Config.User }}' "$name")" ""
check "label: version" equal "$(label version)" "$(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile")"
check "label: revision" equal "$(label revision)" "$REVISION_TESTED"
# Ours, the BPF object's, and those of libbpf, libmicrohttpd, libelf, musl and c-ares, zlib.
check "label: licenses" equal "$(label licenses)" "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause) AND \
(LGPL-2.1-only OR BSD-2-Clause) AND LGPL-2.1-or-later AND (LGPL-3.0-or-later OR GPL-2.0-or-later) AND MIT AND Zlib"
check "it tells its version from there" equal "$(chroot "$root" /kube-canary --version | cut -d ' ' -f 1)" kube-canary
if [ "$(id -u)" -eq 0 ]; then
  check "a mesh of three measures from it" "$(dirname "$0")/mesh-of-root" "$root"
  sed 's/^/     /' "$SCRATCH/check"
else
  skip "a mesh of three from it: needs root"
fi
