#!/usr/bin/env bash
# What a stranger sees: real processes, real sockets, and the tools everybody has.
#
#   Tests/EndToEnd/run.sh            every part
#   Tests/EndToEnd/run.sh log load   these parts
#
# BOWLINE is the binary to test, END_TO_END_SECONDS the time for all parts together.
#
# A part is a script beside this one. It prints `ok NAME` or `FAIL NAME` for each check, ends what
# it started, and exits with 0 when it came to its end, whatever its checks said. Everything listens
# on loopback (three checks excepted, which listen on every address for a moment), on ports that
# nobody uses.
set -uo pipefail
cd "$(dirname "$0")"

BOWLINE=${BOWLINE:-$(cd ../.. && pwd)/.build/release/bowline}
export BOWLINE PYTHONDONTWRITEBYTECODE=1 PATH="$PATH:/usr/sbin:/sbin"
seconds=${END_TO_END_SECONDS:-240}
parts=(command.sh serve.sh forward.sh sharing.py origins.sh bytes.py log.py failures.py ending.py chain.py slow.py
  load.py soak.py)
if [ $# -gt 0 ]; then
  parts=()
  for name in "$@"; do
    found=$name.sh
    [ -x "$found" ] || found=$name.py
    [ -x "$found" ] || { echo "run.sh: no part is named $name" >&2; exit 1; }
    parts+=("$found")
  done
fi

missing=0
if [ ! -x "$BOWLINE" ]; then
  echo "run.sh: there is no $BOWLINE; make build makes it" >&2
  missing=1
fi
for tool in nginx wrk curl python3 timeout; do
  command -v "$tool" > /dev/null && continue
  echo "run.sh: '$tool' is missing; make setup installs it" >&2
  missing=1
done
[ $missing -eq 0 ] || exit 1

work=$(mktemp -d)
# Parts have their files below it, so that nothing is left even of a part that was cut short.
export TMPDIR=$work
running=0
finish() {
  # `timeout` passes the signal on to the part, which ends what it started.
  if [ "$running" -ne 0 ]; then
    kill -TERM "$running" 2> /dev/null
    wait "$running" 2> /dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

for part in "${parts[@]}"; do
  echo "-- ${part%.*}"
  left=$((seconds - SECONDS))
  if [ $left -le 0 ]; then
    echo "FAIL $part was not run: $seconds seconds are over" | tee -a "$work/checks"
    continue
  fi
  # Through a file and not through a pipe, which a process left behind would hold open.
  timeout --kill-after=5 "$left" "./$part" > "$work/part" 2>&1 < /dev/null &
  running=$!
  wait "$running"
  status=$?
  running=0
  if [ $status -eq 124 ]; then
    echo "FAIL $part was cut short: $seconds seconds are over" >> "$work/part"
  elif [ $status -ne 0 ] && ! grep -q '^FAIL ' "$work/part"; then
    echo "FAIL $part did not come to its end: status $status" >> "$work/part"
  fi
  cat "$work/part"
  cat "$work/part" >> "$work/checks"
done

passed=$(grep -c '^ok ' "$work/checks")
failed=$(grep -c '^FAIL ' "$work/checks")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
