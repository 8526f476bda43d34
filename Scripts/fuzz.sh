#!/usr/bin/env bash
# Runs each fuzz target from its corpus for a bounded time, under the address sanitizer. Ends with
# the path of the input when one breaks an invariant; it is copied to Fuzz/Found/<target>, where the
# unit tests replay it from then on.
#
#   FUZZ_SECONDS=30     for each target
#   FUZZ_TARGETS="..."  default: every directory of Fuzz/Corpora
#   --fold              afterwards keep the smallest set of new inputs that reach other code
#
# libFuzzer is part of the Swift toolchain. The build has a scratch path of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-30}
targets=${FUZZ_TARGETS:-$(ls Fuzz/Corpora)}
fold=no
[ "${1:-}" != --fold ] || fold=yes

die() { echo "fuzz: $*" >&2; exit 1; }

work=$(mktemp -d)
running=
finish() {
  if [ -n "$running" ]; then kill -TERM "$running" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The sanitizers are named twice: with two options the compiler forgets the coverage of the first,
# and a fuzzer without coverage is a dice. Assertions stay, although the build is optimised.
if ! FUZZ=1 timeout 900 swift build --scratch-path .build/fuzz --product Fuzz \
  --configuration release --sanitize=fuzzer --sanitize=address \
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -assert-config -Xswiftc Debug \
  > "$work/build.log" 2>&1; then
  cat "$work/build.log" >&2
  die "the build failed"
fi
fuzz=.build/fuzz/release/Fuzz

# The runtime's own backtrace of a crash can hang under the sanitizer.
export SWIFT_BACKTRACE=enable=no

# run TARGET LOG LIMIT ARGUMENTS...: the fuzzer in the background, so that a signal ends it.
run() {
  local target=$1 log=$2 limit=$3
  shift 3
  FUZZ_TARGET=$target timeout --kill-after=10 "$limit" "$fuzz" "$@" > "$log" 2>&1 < /dev/null &
  running=$!
  local status=0
  wait "$running" || status=$?
  running=
  return "$status"
}

for target in $targets; do
  [ -d "Fuzz/Corpora/$target" ] || die "no Fuzz/Corpora/$target"
  mkdir -p "$work/$target/corpus" "$work/$target/found" "Fuzz/Found/$target"
  log=$work/$target/log
  # A large input shows nothing that a small one does not: the limits of the tests are small too.
  status=0
  run "$target" "$log" $((seconds + 120)) "$work/$target/corpus" "Fuzz/Corpora/$target" \
    "Fuzz/Found/$target" -max_total_time="$seconds" -max_len=2048 -timeout=20 -rss_limit_mb=2048 \
    -dict=Fuzz/http.dict -artifact_prefix="$work/$target/found/" || status=$?
  rmdir --ignore-fail-on-non-empty "Fuzz/Found/$target"
  if [ "$status" -ne 0 ]; then
    found=$(find "$work/$target/found" -type f | head -n 1)
    [ -n "$found" ] || { tail -n 20 "$log" >&2; die "$target ended with $status and no input"; }
    mkdir -p "Fuzz/Found/$target"
    cp "$found" "Fuzz/Found/$target/"
    grep -a -m 1 -A 12 -E 'Fatal error|ERROR: ' "$log" | sed '/^Current stack trace/,$d' >&2 || true
    die "$target: found Fuzz/Found/$target/$(basename "$found")"
  fi
  grep -a DONE "$log" | tail -n 1 | awk -v target="$target" '{
    for (i = 1; i < NF; i++) {
      if ($i == "cov:") cov = $(i + 1)
      if ($i == "exec/s:") rate = $(i + 1)
    }
    sub("#", "", $1)
    printf "%-11s %9d inputs  %7d a second  coverage %5d\n", target, $1, rate, cov }'
done

[ "$fold" = yes ] || exit 0

# Inputs with names are kept; those that a fold before has added are named by their hash and are
# chosen anew, together with what was found now.
for target in $targets; do
  mkdir -p "$work/$target/named" "$work/$target/chosen"
  for input in Fuzz/Corpora/"$target"/*; do
    if [[ $(basename "$input") =~ ^[0-9a-f]{40}$ ]]; then
      mv "$input" "$work/$target/corpus/"
    else
      cp "$input" "$work/$target/named/"
    fi
  done
  cp -r "$work/$target/named/." "$work/$target/chosen"
  # Without counters: another number of rounds through a loop is not another input worth keeping.
  run "$target" "$work/$target/merge.log" 900 -set_cover_merge=1 -use_counters=0 \
    "$work/$target/chosen" "$work/$target/corpus" \
    || { tail -n 20 "$work/$target/merge.log" >&2; die "$target: the merge failed"; }
  # The longest reach most; the shortest are there for a branch or two.
  find "$work/$target/chosen" -type f -printf '%s %f\n' | sort -rn \
    | while read -r _ name; do [ -e "$work/$target/named/$name" ] || echo "$name"; done \
    | awk -v room=$((140 - $(ls "$work/$target/named" | wc -l))) 'NR <= room' \
    | while read -r name; do cp "$work/$target/chosen/$name" "Fuzz/Corpora/$target/"; done
  echo "$target: $(ls "Fuzz/Corpora/$target" | wc -l) inputs," \
    "$(cat Fuzz/Corpora/"$target"/* | wc -c) bytes"
done
