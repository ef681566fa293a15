# shellcheck shell=bash
# What tests of times and paces work out of logs and scrapes. Sourced after lib.sh.

quantile() { # SHARE, of the numbers on standard input
  sort -g | awk -v share="$1" '{ v[NR] = $1 } END { i = int(NR * share + 0.5); print v[i < 1 ? 1 : i] }'
}

rtts_us() { # NS: of all replies but duplicates that its canary has logged
  sed -n 's/.* rtt_ns=\([0-9]*\) .*duplicate=0$/\1/p' "$SCRATCH/canary-$1.log" | awk '{ print $1 / 1000 }'
}

seconds_between() { # TIME TIME
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b - a }'
}

# Of the loop's wake-ups between two scrapes: the bucket that holds the 99th percentile, how many were later than 50 ms,
# and how many there were.
loop_delays() { # FILE FILE
  awk 'index($1, "kube_canary_loop_delay_seconds_bucket") != 1 { next }
    { match($1, /"[^"]*"/); le = substr($1, RSTART + 1, RLENGTH - 2) }
    NR == FNR { before[le] = $2; next }
    { order[++n] = le; count[n] = $2 - before[le] }
    END {
      for (i = 1; i <= n; i++) {
        if (p == "" && count[i] >= 0.99 * count[n]) p = order[i]
        if (order[i] == "0.05") early = count[i]
      }
      print p, count[n] - early, count[n]
    }' "$1" "$2"
}

gained() { # NAME: from the scrape `before` to the scrape `after`
  awk -v a="$(metric "$SCRATCH/before" "$1")" -v b="$(metric "$SCRATCH/after" "$1")" 'BEGIN { print b - a }'
}
