#!/usr/bin/env bash
# The harness itself: when a test ends, its processes end with it, and nobody who has the id of one that ended before.
source "$(dirname "$0")/lib.sh"
need unshare

cat > "$SCRATCH/test" << END
source $TOP/tests/e2e/lib.sh
sleep 100 & own_process \$!
echo \$! > $SCRATCH/living
sleep 100 & own_process \$!
ended=\$!
kill \$ended
wait \$ended || true
echo \$ended > $SCRATCH/ended
eventually 5 test -e $SCRATCH/taken
END
cat > "$SCRATCH/world" << END
bash $SCRATCH/test &
until [ -s $SCRATCH/ended ]; do sleep 0.1; done
ended=\$(cat $SCRATCH/ended)
echo \$((ended - 1)) > /proc/sys/kernel/ns_last_pid
sleep 100 &
other=\$!
touch $SCRATCH/taken
wait %1
[ \$other = \$ended ] || echo "no process got the id \$ended, but \$other"
kill -0 \$other || echo "another process was ended"
! kill -0 \$(cat $SCRATCH/living) 2> /dev/null || echo "its own process was not"
END
assert_eq "$(unshare -pf --mount-proc bash "$SCRATCH/world" 2>&1)" "" "what the end of a test does to processes"
