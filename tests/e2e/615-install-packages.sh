#!/usr/bin/env bash
# What scripts/install-packages leaves: no service that starts at boot, no policy against starting others, whether it
# ended, failed or was killed. With an apt-get of the test's own, in a mount namespace.
source "$(dirname "$0")/lib.sh"
need unshare flock systemctl

mkdir "$SCRATCH/bin" "$SCRATCH/tmpfs"
cat > "$SCRATCH/bin/apt-get" << 'END'
#!/bin/sh
[ "$1" = install ] || exit 0
[ "$2" != --simulate ] || { echo "Inst kc-new (1.0 Debian:12 [all])"; exit 0; }
/usr/sbin/policy-rc.d prometheus start
echo $? >> "$SAID"
ln -sf /lib/systemd/system/kc-new.service /etc/systemd/system/multi-user.target.wants/
touch "$SAID.installing"
[ ! -e "$SAID.wait" ] || exec sleep 30
[ ! -e "$SAID.fail" ] || exit 100
END
cat > "$SCRATCH/bin/dpkg-query" << 'END' # one package was there before
#!/bin/sh
case "$1 $2" in
  --search*kc-other.service) echo "kc-other: /lib/systemd/system/kc-other.service" ;;
  --search*kc-new.service) echo "kc-new: /lib/systemd/system/kc-new.service" ;;
  --search*) echo "kc-old: /lib/systemd/system/${2##*/}" ;;
  *) echo "installed kc-old" ;;
esac
END
chmod +x "$SCRATCH/bin/"*
cat > "$SCRATCH/world" << 'END'
set -e
mount -t tmpfs tmpfs "$SCRATCH/tmpfs"
mkdir "$SCRATCH/tmpfs/upper" "$SCRATCH/tmpfs/work" "$SCRATCH/tmpfs/units" "$SCRATCH/tmpfs/run"
mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$SCRATCH/tmpfs/upper,workdir=$SCRATCH/tmpfs/work" overlay /usr/sbin
mount --bind "$SCRATCH/tmpfs/run" /run
rm -f /usr/sbin/policy-rc.d
mkdir -p "$SCRATCH/tmpfs/units/multi-user.target.wants"
mount --bind "$SCRATCH/tmpfs/units" /etc/systemd/system
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' | tee /etc/systemd/system/kc-new.service /etc/systemd/system/kc-admin.service /etc/systemd/system/kc-other.service > /etc/systemd/system/kc-old.service
wants=/etc/systemd/system/multi-user.target.wants
ln -s ../kc-old.service $wants/
policy() { if [ -e /usr/sbin/policy-rc.d ]; then /usr/sbin/policy-rc.d other start && echo allows || echo "refuses $?"; else echo none; fi; }
told() { echo "$1: $(ls $wants | tr '\n' ' ')policy $(policy)"; }
"$TOP/scripts/install-packages" build > /dev/null
told ended
touch "$SAID.fail"
! "$TOP/scripts/install-packages" build > /dev/null
told failed
rm "$SAID.fail"
touch "$SAID.wait"
rm "$SAID.installing"
setsid "$TOP/scripts/install-packages" build > /dev/null &
until [ -e "$SAID.installing" ]; do sleep 0.1; done
told installing
kill -KILL -- -$!
while kill -0 -- -$! 2> /dev/null; do sleep 0.1; done
told killed
rm "$SAID.wait"
ln -s ../kc-admin.service ../kc-other.service $wants/ # by somebody, in the meantime; the other's package came then as well
"$TOP/scripts/install-packages" build > /dev/null
told "ended again"
END
export SCRATCH TOP SAID=$SCRATCH/said SYSTEMD_OFFLINE=1
PATH=$SCRATCH/bin:$PATH unshare -m bash "$SCRATCH/world" > "$SCRATCH/told" 2> "$SCRATCH/world.log" || fail "install-packages: $(cat "$SCRATCH/world.log")"
assert_eq "$(tr '\n' ' ' < "$SCRATCH/said")" "101 101 101 101 " "what maintainers' scripts are told of starting, each time"
assert_eq "$(cat "$SCRATCH/told")" "ended: kc-old.service policy none
failed: kc-old.service policy none
installing: kc-new.service kc-old.service policy refuses 101
killed: kc-new.service kc-old.service policy allows
ended again: kc-admin.service kc-old.service kc-other.service policy none" "what is left"
