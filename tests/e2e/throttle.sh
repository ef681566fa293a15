# shellcheck shell=bash
# A cgroup of 5 % of a CPU, of version 2 or 1, made where this is sourced, after lib.sh; the test is skipped where none
# can be. Takes at_end.

GROUP=

group_make() {
  local root
  for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -e "$root/cgroup.controllers" ] && grep -qw cpu "$root/cgroup.controllers" || continue
    grep -qw cpu "$root/cgroup.subtree_control" || echo +cpu > "$root/cgroup.subtree_control" 2> /dev/null || continue
    mkdir "$root/$PREFIX" 2> /dev/null && echo "5000 100000" > "$root/$PREFIX/cpu.max" && GROUP=$root/$PREFIX && return
  done
  root=/sys/fs/cgroup/cpu
  [ -e "$root/cpu.cfs_quota_us" ] || [ -e "$root/tasks" ] || skip "no cgroup with a CPU limit"
  mkdir "$root/$PREFIX" || skip "cannot make a cgroup"
  GROUP=$root/$PREFIX
  echo 100000 > "$GROUP/cpu.cfs_period_us"
  echo 5000 > "$GROUP/cpu.cfs_quota_us"
}

at_end() {
  [ -z "$GROUP" ] && return
  eventually 5 group_empty
  rmdir "$GROUP"
}

group_empty() {
  [ ! -s "$GROUP/cgroup.procs" ]
}

group_stat() { # NAME
  awk -v name="$1" '$1 == name { print $2 }' "$GROUP/cpu.stat"
}

# This shell goes in, starts what shall stay there, and leaves: within a namespace /sys is another.
group_enter() {
  echo $$ > "$GROUP/cgroup.procs"
}

group_leave() {
  echo $$ > "$(dirname "$GROUP")/cgroup.procs"
}

# Somebody who takes all of it.
group_hog() {
  group_enter
  stress-ng --cpu 1 --timeout 300 > /dev/null 2>&1 &
  own_process $!
  group_leave
}

need stress-ng
group_make
