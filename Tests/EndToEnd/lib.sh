# For the parts written in bash: checks, and processes that are ended in any case.
# shellcheck shell=bash
set -uo pipefail

work=$(mktemp -d)
started=()
finish() {
  local one
  for one in ${started[@]+"${started[@]}"}; do kill -TERM "$one" 2> /dev/null; done
  for one in ${started[@]+"${started[@]}"}; do wait "$one" 2> /dev/null; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' INT TERM HUP

pass() { echo "ok $1"; }

# The name of the check, and what was seen instead.
fail() {
  echo "FAIL $1"
  shift
  printf '%s\n' "$@" | head -c 2000 | sed 's/^/     | /'
}

# Name, expected text, text seen.
same() {
  if [ "$2" == "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "seen:     $3"; fi
}

# Name, extended pattern, text seen. Case and CR do not count.
holds() {
  if grep -qiE -- "$2" <<< "${3//$'\r'/}"; then
    pass "$1"
  else
    fail "$1" "expected: $2" "seen: $3"
  fi
}

# Name, pattern that must not be found, text seen.
lacks() {
  if grep -qiE -- "$2" <<< "${3//$'\r'/}"; then
    fail "$1" "not expected: $2" "seen: $3"
  else
    pass "$1"
  fi
}

# Name, two files.
alike() {
  if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$(cmp "$2" "$3" 2>&1)"; fi
}

fetch() { curl -sS --max-time 10 "$@" 2>&1; }

# Only the status, as in 404.
status_of() { curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "$@" 2>&1; }

# Ports that nobody uses, below those that the kernel gives to clients. $1 of them.
free_ports() { python3 "$(dirname "${BASH_SOURCE[0]}")/processes.py" "$1"; }

# Starts bowline: a name, its arguments. Afterwards its id is in $pid and its port in $port.
start() {
  local name=$1
  shift
  "$BOWLINE" "$@" > "$work/$name.out" 2> "$work/$name.err" < /dev/null &
  pid=$!
  started+=("$pid")
  for _ in {1..200}; do
    if grep -qs '^  log  ' "$work/$name.err"; then
      port=$(sed -n 's/^  listen .*:\([0-9]*\).*/\1/p' "$work/$name.err" | head -n 1)
      return 0
    fi
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.05
  done
  fail "$name starts: bowline $*" "$(cat "$work/$name.err")"
  exit 1
}

# Runs bowline; its words are in $said (stdout) and $complained (stderr), its status in $status.
bowline() {
  timeout 10 "$BOWLINE" "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
  said=$(cat "$work/out")
  complained=$(cat "$work/err")
}

# The mistake, a pattern of the sentence, the words.
mistake() {
  local name=$1 pattern=$2
  shift 2
  bowline "$@"
  if [ "$status" -eq 1 ] && [ -z "$said" ] && [ "$(wc -l < "$work/err")" -eq 1 ] \
    && [[ $complained == "bowline: "* ]] && grep -qE -- "$pattern" <<< "$complained"; then
    pass "mistake: $name"
  else
    fail "mistake: $name" "bowline $*" "status $status" "$said" "$complained"
  fi
}

# Waits until a server that is not ours answers: name, port.
await() {
  for _ in {1..200}; do
    curl -s --max-time 1 -o /dev/null "http://127.0.0.1:$2/" && return 0
    sleep 0.05
  done
  fail "$1 starts" "$(cat "$work/$1".* 2> /dev/null)"
  exit 1
}
