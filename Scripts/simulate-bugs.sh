#!/usr/bin/env bash
# Does the simulator find what it is there for? Five bugs stand in the sources, each behind a flag of
# the compiler. Each is built in, and a seed among the first 20,000 (SEEDS) must find it.
#
#   BUGS="LIMIT REPLAY"   only these
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${SEEDS:-20000}
scratch=.build/bugs
missed=0
mkdir -p "$scratch"
for bug in ${BUGS:-REPLAY LIMIT SURPLUS TRUNCATION CANCELLED}; do
  grep -rq "BOWLINE_BUG_$bug\b" Sources || { echo "$bug: no such bug in Sources" >&2; exit 2; }
  swift build --configuration release --scratch-path "$scratch" --product Simulate \
    -Xswiftc "-DBOWLINE_BUG_$bug" > "$scratch-$bug.log" 2>&1 ||
    { cat "$scratch-$bug.log" >&2; exit 2; }
  if found=$("$scratch/release/Simulate" --any-faults --seeds "$seeds" --jobs "$(nproc)"); then
    echo "$bug: not found within $seeds seeds"
    missed=1
  else
    echo "$bug: $(printf '%s\n' "$found" | grep -E '^seed |^trapped' | head -1)"
  fi
done
exit "$missed"
