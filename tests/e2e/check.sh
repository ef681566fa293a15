# shellcheck shell=bash
# Runs `kube-canary check` in namespace a, under a command if one is wanted, and asks for single findings.
UNDER=()
check() { # STATUS ARGUMENT…: the JSON is then in $SCRATCH/check
  local status=0
  ip netns exec "$PREFIX-a" "${UNDER[@]}" "$KUBE_CANARY" check -o json "${@:2}" > "$SCRATCH/check" 2> "$SCRATCH/check.log" || status=$?
  assert_eq "$status" "$1" "status of check ${*:2} ($(head -c 200 "$SCRATCH/check.log"))"
  [ "$1" -ne 2 ] || return 0
  assert_eq "$(wc -c < "$SCRATCH/check.log")" 0 "octets on standard error of check ${*:2}"
  jq -e '.works == (.count.fail == 0) and .count.left_out == 0 and (.findings | length > 0)
    and all(.findings[]; (.found | length > 0) and (.id | test("^[a-z0-9_]+\\.[a-z0-9_]+$"))
      and (.status | IN("ok", "note") or IN("warn", "fail", "not_tried")))
    and all(.findings[] | select(.status | IN("warn", "fail", "not_tried")); .advice != null)' \
    "$SCRATCH/check" > /dev/null || fail "check ${*:2}: $(jq -c . "$SCRATCH/check")"
}
status_of() { # ID [INTERFACE]
  jq -r --arg id "$1" --arg interface "${2:-}" \
    '[.findings[] | select(.id == $id and ($interface == "" or .interface == $interface)) | .status] | unique | join(" ")' "$SCRATCH/check"
}
found() { jq -r --arg id "$1" '.findings[] | select(.id == $id) | .found' "$SCRATCH/check"; }
is() { assert_eq "$(status_of "$1")" "$2" "$3: $1 ($(found "$1"))"; }
says() { [[ $(found "$1") == *"$2"* ]] || fail "$1 does not say \"$2\": $(found "$1")"; }
