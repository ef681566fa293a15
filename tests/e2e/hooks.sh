# shellcheck shell=bash
# Who else is on an interface: programs of others, attached by the test, and what is on the chains of TCX. Sourced by lib.sh.

declare -gA FOREIGN=() # process ids

# Somebody else's program in namespace a; see foreign.c. False if the kernel refuses it.
foreign_attach() { # ID tcx|tc|xdp ingress|egress VERDICT INTERFACE [first]
  rm -f "$SCRATCH/foreign-$1"
  ip netns exec "$PREFIX-a" "$TOOLS/foreign" attach "$2" "$3" "$4" "$5" "$SCRATCH/foreign-$1" "${6:-last}" \
    2>> "$SCRATCH/foreign.log" &
  FOREIGN[$1]=$!
  own_process "${FOREIGN[$1]}"
  eventually 3 foreign_settled "$1"
  [ -e "$SCRATCH/foreign-$1" ]
}

foreign_settled() { # ID
  [ -e "$SCRATCH/foreign-$1" ] || process_ended "${FOREIGN[$1]}"
}

foreign_count() { # ID
  tool_count "${FOREIGN[$1]}" "$SCRATCH/foreign-$1" packets
}

tcx_programs() { # NS ingress|egress INTERFACE: names on one line, in order
  in_ns "$1" "$TOOLS/foreign" list "tcx-$2" "$3" | tr '\n' ' ' | sed 's/ $//'
}

# Whether the tool works and finds none on either side.
no_tcx_programs() { # NS INTERFACE
  local side found
  for side in ingress egress; do
    found=$(tcx_programs "$1" "$side" "$2") && [ -z "$found" ] || return 1
  done
}
