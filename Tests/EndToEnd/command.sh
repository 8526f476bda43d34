#!/usr/bin/env bash
# The command line: help, data for programs, and what is said about mistakes.
source "$(dirname "$0")/lib.sh"

bowline --version
holds "--version prints a version" '^bowline [0-9]+\.[0-9]+\.[0-9]+$' "$said"
same "--version exits with 0" 0 "$status"
bowline
same "no command: exit status 1" 1 "$status"
holds "no command: help on stderr" 'bowline help COMMAND' "$complained"
same "no command: nothing on stdout" "" "$said"
bowline --help
holds "--help lists the commands" '^  proxy .*forward' "$said"

for command in proxy serve demo settings explain help; do
  bowline "$command" --help
  if [ "$status" -eq 0 ] && [ -z "$complained" ] && grep -q '^usage$' <<< "$said"; then
    pass "$command --help"
  else
    fail "$command --help" "status $status" "$said" "$complained"
  fi
  asked=$said
  bowline help "$command"
  same "help $command says the same" "$asked" "$said"
done

bowline settings
holds "settings lists names and bounds" '^ +client\.idle-timeout +15s .*100ms to 24h' "$said"
bowline settings --set client.idle-timeout=30s
holds "settings marks what was changed" '^\* client\.idle-timeout +30s .*default: 15s' "$said"
bowline settings --json
same "settings --json is JSON, with values inside their bounds" fine "$(python3 -c '
import json, sys
page = json.load(sys.stdin)
assert page["version"] == 1 and len(page["settings"]) > 20
for one in page["settings"]:
    assert one["minimum"] <= one["value"] <= one["maximum"], one
    assert one["default"] == one["value"] and one["unit"] and one["reason"], one
print("fine")' <<< "$said" 2>&1)"

bowline explain upstream.closed.on-reuse
holds "explain says what to do" '^what to do$' "$said"
same "explain exits with 0" 0 "$status"
bowline explain
holds "explain without a word lists the reasons" '^  upstream\.closed\.on-reuse ' "$said"

mistake "a command mistyped" 'nearest is `proxy`' prxy
mistake "an option mistyped" 'nearest is `--listen`' proxy --lisen :1 --to http://127.0.0.1:1
mistake "an option before the command" 'a command comes before' --listen :1
mistake "no upstream" 'needs `--to URL`' proxy
mistake "an upstream without scheme" 'http://127\.0\.0\.1:3000' proxy --to 127.0.0.1:1
mistake "an upstream with a path" 'has a path' proxy --to http://127.0.0.1:1/a
mistake "an upstream with TLS" 'not built yet' proxy --to https://127.0.0.1:1
mistake "a port alone" '`:8080` is port 8080' serve . --listen 8080
mistake "no directory" 'needs DIR' serve
mistake "a setting mistyped" 'nearest name is `client\.idle-timeout`' \
  serve . --set client.idle-timout=1s
mistake "a duration without unit" 'duration with its unit' serve . --set client.idle-timeout=15
mistake "a value outside its bounds" '100ms to 24h; 50ms is outside' \
  serve . --set client.idle-timeout=50ms
mistake "watermarks crossed" 'watermark\.low' demo --set watermark.low=1MB
mistake "a log form mistyped" 'nearest to `jsn` is `json`' serve . --log jsn
mistake "no loops" 'from 1 to 256' serve . --loops 0
mistake "a value missing" 'needs its ADDR' serve . --listen
mistake "a mode mistyped" 'nearest to `forwrd` is `forward`' proxy --mode forwrd
mistake "a rule for a reverse proxy" '`--allow` and `--deny` is for `--mode forward`' \
  proxy --to http://127.0.0.1:1 --deny '*'
mistake "users for a reverse proxy" '`--users` is for `--mode forward`' \
  proxy --to http://127.0.0.1:1 --users users.txt
mistake "a rule that is none" '`--allow` takes a host or a network.*`10\.0\.0\.0/99` is neither' \
  proxy --mode forward --allow 10.0.0.0/99
mistake "two upstreams for a blind relay" '`--mode blind` takes one `--to`; 2 are given' \
  proxy --mode blind --to http://127.0.0.1:1 --to http://127.0.0.1:2
mistake "an end reason mistyped" 'nearest is `upstream\.closed\.on-reuse`' \
  explain upstream.closd.on-reuse

bowline serve "$work/nowhere" --listen 127.0.0.1:0
same "no such directory: exit status 2" 2 "$status"
holds "no such directory: a sentence" '^bowline: cannot open the directory .*nowhere' "$complained"
bowline proxy --to http://name.invalid:1 --listen 127.0.0.1:0
same "an upstream without address: exit status 2" 2 "$status"
holds "an upstream without address: a sentence" 'name\.invalid:1 has no address' "$complained"
bowline serve . --listen 192.0.2.1:8080
same "not our address: exit status 2" 2 "$status"
holds "not our address: a sentence" 'no address of this machine' "$complained"
