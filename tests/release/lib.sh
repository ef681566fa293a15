# shellcheck shell=bash
# What the tests of the release share: where it is built, one line for each check, and the counts. Sourced by each.
set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RELEASE=${RELEASE:-$TOP/build/release}
# shellcheck disable=SC2034 # for the tests
REVISION_TESTED=tested
SCRATCH=$(mktemp -d /tmp/kc-release-XXXXXX)
RESULTS=${RESULTS:-/dev/null} # a line for each check, for the runner

at_end() {
  :
}

finish() {
  local status=$?
  trap - EXIT
  set +e
  at_end
  rm -rf "$SCRATCH"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pass() { # WHAT
  echo "PASS $*"
  echo PASS >> "$RESULTS"
}

fail() { # WHAT
  echo "FAIL $*"
  echo FAIL >> "$RESULTS"
}

skip() { # WHAT, and why
  echo "SKIP $*"
  echo SKIP >> "$RESULTS"
}

check() { # WHAT COMMAND…
  if "${@:2}" > "$SCRATCH/check" 2>&1; then
    pass "$1"
  else
    fail "$1"
    tail -n 20 "$SCRATCH/check" | sed 's/^/     | /'
  fi
}

equal() { # ACTUAL EXPECTED
  [ "$1" = "$2" ] || { printf 'expected:\n%s\nfound:\n%s\n' "$2" "$1"; return 1; }
}

at_most() { # ACTUAL LIMIT
  [ "$1" -le "$2" ] || { echo "$1 is over $2"; return 1; }
}

# The tree as somebody else has it: what git knows, and what is new, without anything built.
copy_tree() { # FOLDER
  mkdir -p "$1"
  tar -C "$TOP" --exclude=./build --exclude=./.git -cf - . | tar -C "$1" -xf -
}
