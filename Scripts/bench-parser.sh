#!/usr/bin/env bash
# What reading a head costs: nanoseconds, and instructions where valgrind is installed.
#
# A time is the least of many repetitions, so that a busy machine shows little. Instructions are the
# difference of two runs, divided by the difference of their repetitions: what starting and ending
# the program costs falls out.
set -euo pipefail

bench=${PARSER_BENCH:-.build/release/ParserBench}
[ -x "$bench" ] || { echo "bench-parser: no $bench; make bench-parser builds it" >&2; exit 1; }

# Instructions of a run that does case $1 so often as $2 says.
collected() {
  timeout 60 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$1" "$2" 2>&1 |
    awk '/Collected/ { print $4 }'
}

printf '%-14s %10s %14s\n' head ns instructions
timeout 300 "$bench" | while read -r name nanoseconds; do
  count=-
  if command -v valgrind > /dev/null; then
    count=$((($(collected "$name" 3000) - $(collected "$name" 1000)) / 2000))
  fi
  printf '%-14s %10s %14s\n' "$name" "$nanoseconds" "$count"
done
