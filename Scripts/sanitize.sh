#!/usr/bin/env bash
# The tests under a sanitizer, and the end-to-end checks against a binary built with it.
#
#   Scripts/sanitize.sh address    bad addresses, and leaks of the binary
#   Scripts/sanitize.sh thread     races
#
# A report fails the run, whatever the tests say. The binary is a debug build: its assertions and
# precondition checks are on, too.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-}
case $kind in
  address) scratch=.build/asan ;;
  thread) scratch=.build/tsan ;;
  *) echo "usage: Scripts/sanitize.sh address|thread" >&2; exit 1 ;;
esac
minutes=${SANITIZE_MINUTES:-20}

work=$(mktemp -d)
finish() {
  local one
  for one in $(jobs -p); do kill -TERM "$one" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# In the background and waited for, so that a signal is seen at once.
bounded() {
  timeout --kill-after=10 "$((minutes * 60 - SECONDS))" "$@" &
  wait $!
}

# Reports go to files, so that no check of a process's words or status can swallow one.
preload=()
if [ $kind == address ]; then
  # The worlds of unit tests are rings of sockets and loops that nobody takes apart: leaks are for
  # the binary, which takes itself apart. Some tests read behind a guard page and expect to end.
  tests_options=(ASAN_OPTIONS="detect_leaks=0:handle_segv=0:log_path=$work/report")
  binary_options=(ASAN_OPTIONS="detect_leaks=1:log_path=$work/report")
else
  support=Tests/Support/ThreadSanitizer
  # Swift's own clang, which knows swiftcall: beside swift, or beside what swift is a link to.
  swift=$(command -v swift)
  clang=$(dirname "$swift")/clang
  [ -x "$clang" ] || clang=$(dirname "$(readlink -f "$swift")")/clang
  "$clang" -shared -fPIC -O1 -o "$work/mutex.so" "$support/mutex.c"
  preload=(LD_PRELOAD="$work/mutex.so")
  tests_options=(TSAN_OPTIONS="handle_segv=0:log_path=$work/report")
  binary_options=(TSAN_OPTIONS="log_path=$work/report")
  # First of all: with mutex.so a Mutex is silent, and a race is not.
  swiftc -sanitize=thread -o "$work/mutex" "$support/mutex.swift"
  TSAN_OPTIONS=exitcode=66 env "${preload[@]}" "$work/mutex" > "$work/guarded" 2>&1 || {
    echo "FAIL a race in what a Mutex guards:" >&2
    cat "$work/guarded" >&2
    exit 1
  }
  if TSAN_OPTIONS=exitcode=66 env "${preload[@]}" "$work/mutex" bare > "$work/bare" 2>&1; then
    echo "FAIL a race is not reported any more" >&2
    exit 1
  fi
fi

# The chain matrix waits for idle timeouts, and is about rules only. Ten thousand connections are a
# matter of memory, not of threads.
parts="command serve forward sharing origins bytes log failures ending load soak"
[ $kind == address ] && parts+=" slow"
# Tests that run the same thing in many ways take fewer.
export BOWLINE_SANITIZER=$kind
status=0
bounded swift build --build-tests --sanitize=$kind --scratch-path $scratch
bounded env "${preload[@]}" "${tests_options[@]}" SWIFT_BACKTRACE=enable=no \
  swift test --skip-build --disable-xctest --sanitize=$kind --scratch-path $scratch || status=1
bounded env "${preload[@]}" "${binary_options[@]}" BOWLINE="$PWD/$scratch/debug/bowline" \
  END_TO_END_SECONDS="${END_TO_END_SECONDS:-400}" SOAK_SECONDS="${SOAK_SECONDS:-30}" \
  Tests/EndToEnd/run.sh $parts || status=1

for report in "$work"/report.*; do
  [ -e "$report" ] || continue
  status=1
  echo "FAIL the $kind sanitizer reports:"
  head -c 6000 "$report"
done
[ $status -eq 0 ] && echo "sanitize: $kind: nothing to report after $SECONDS s"
exit $status
