#!/usr/bin/env bash
# The same with native histograms, which promtool 2.42 has no notation for: they come from real canaries here.
export VARIANT=native
source "$(dirname "${BASH_SOURCE[0]}")/chain.sh"
