#!/usr/bin/env bash
# The same with native histograms.
export VARIANT=native
source "$(dirname "${BASH_SOURCE[0]}")/live.sh"
