# shellcheck shell=bash
# How a virtual machine is made and run: a stock Debian kernel ($KERNEL: its series, 6.1), its package unpacked into
# build/vm, never installed, and kept; an initramfs of programs with their libraries; QEMU without network. Knows no test,
# needs no root. Sourced by tests/vm/run, tests/vm/netem and tests/vm/memory, at the top of the tree from then on.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

build=$(realpath "${BUILD:-build}")
limit_seconds=${KC_VM_LIMIT_SECONDS:-900}
series=${KERNEL:-6.1}
place=$build/vm
root=$place/root.$$ # of one machine: several may be made at a time
initramfs=$place/initramfs.$$.gz
disk= # a file, if the machine is to have one
trap 'rm -rf "$root" "$initramfs"' EXIT
export PATH=$PATH:/usr/sbin:/sbin

# The newest that apt knows of; what an earlier run unpacked, where it cannot be had.
kernel_get() { # sets kernel, the folder of the unpacked package, and release, its name
  local name lock
  mkdir -p "$place"
  exec {lock}> "$place/lock"
  flock "$lock"
  rm -rf "$place/part"
  name=$(apt-cache search --names-only "^linux-image-${series//./\\.}\.[-+.0-9a-z]*-cloud-amd64\$" 2> /dev/null |
    cut -d ' ' -f 1 | sort -V | tail -n 1)
  if [ -n "$name" ] && [ ! -e "$place/$name" ]; then
    echo "downloading $name" >&2
    if (cd "$place" && apt-get download -qq -o APT::Sandbox::User=root "$name" > apt.log 2>&1); then
      dpkg -x "$place/$name"_*.deb "$place/part"
      find "$place/part" -name '*.ko.xz' -exec unxz {} +
      busybox depmod -b "$place/part" "${name#linux-image-}"
      mv "$place/part" "$place/$name"
      rm "$place/$name"_*.deb
    fi
  fi
  kernel=$(find "$place" -maxdepth 1 -type d -name "linux-image-$series.*" | sort -V | tail -n 1)
  release=${kernel##*/linux-image-}
  exec {lock}>&-
  [ -n "$kernel" ]
}

# TCX is there since 6.6.
kernel_has_tcx() { [ "$(printf '%s\n' 6.6 "$release" | sort -V | head -n 1)" = 6.6 ]; }

kernel_missing() { # why
  echo "no package linux-image-$series.*-cloud-amd64 to be had: $(tail -n 1 "$place/apt.log" 2> /dev/null)"
}

# Programs, and the shared libraries they name at the paths these have here.
programs_put() { # FOLDER PATH…
  local path
  for path in "${@:2}"; do
    install -D "$path" "$root/$1/${path##*/}"
    { ldd "$path" 2> /dev/null || true; } | sed -n 's,^[^/]*\(/[^ ]*\) .*,\1,p' |
      while read -r path; do install -D "$path" "$root$path"; done
  done
}

# By its own name, however the file here is called.
canary_put() { # PATH
  programs_put part "$1"
  mv "$root/part/${1##*/}" "$root/bin/kube-canary"
  rmdir "$root/part"
}

modules_put() { # MODULE…
  local folder=lib/modules/$release module file
  install -D "$kernel/$folder/modules.dep" "$root/$folder/modules.dep"
  for module in "$@"; do
    for file in $(grep "/$module\.ko:" "$kernel/$folder/modules.dep" | tr -d ':'); do
      install -D "$kernel/$folder/$file" "$root/$folder/$file"
    done
  done
}

# A root with that init and these programs, to be filled further and packed.
root_make() { # INIT PROGRAM…
  local program
  rm -rf "$root"
  mkdir -p "$root"/{bin,dev,proc,run,sys,tests,tmp,var}
  ln -s busybox "$root/bin/sh"
  for program in busybox "${@:2}"; do programs_put bin "$(command -v "$program")"; done
  install "$1" "$root/init"
  install -m 644 tests/vm/guest.sh "$root/guest.sh"
}

root_pack() {
  (cd "$root" && find . | busybox cpio -o -H newc -R 0:0 2> /dev/null | gzip -1) > "$initramfs"
}

# Its console is our output. A panic ends the machine: it would reboot, and may not.
machine_run() { # CPUS [NAME=VALUE…, for the environment of init]
  local drive=()
  [ -z "$disk" ] || drive=(-drive "file=$disk,format=raw,if=virtio")
  timeout --kill-after=10 "$limit_seconds" qemu-system-x86_64 -accel tcg,thread=multi -smp "$1" -m 512 \
    -nodefaults -display none -monitor none -nic none -serial stdio -no-reboot "${drive[@]}" \
    -kernel "$kernel/boot/vmlinuz-$release" -initrd "$initramfs" \
    -append "console=ttyS0 quiet loglevel=1 panic=-1 ${*:2}" < /dev/null 2>&1 | sed -u 's/\r//g'
}
