#!/usr/bin/env bash
# The forward proxy, asked with curl: where it goes, for whom, and what it says when it does not.
# Mistakes in its options are among those of command.sh.
source "$(dirname "$0")/lib.sh"

# The demo: an origin and the proxy before it. Then two ports where nobody listens.
read -r origin demo closed shut < <(free_ports 4)
start origin demo --listen "127.0.0.1:$demo" --origin "127.0.0.1:$origin" --log off
head -c 300000 /dev/urandom > "$work/body"

# Starts a forward proxy: its name, its arguments. curl's option for it is in $via afterwards.
forward() {
  local name=$1
  shift
  start "$name" proxy --mode forward --listen 127.0.0.1:0 --log json "$@"
  via=(--proxy "http://127.0.0.1:$port")
}

# What an answer of ours must say: name, status, reason, Proxy-Status, words for curl.
refuses() {
  local name=$1 status=$2 reason=$3 error=$4 seen
  shift 4
  seen=$(fetch -i "${via[@]}" "$@")
  holds "$name: $status" "^HTTP/1\.1 $status " "$seen"
  holds "$name: the reason in the text" "^$reason\$" "$seen"
  holds "$name: Proxy-Status" "^proxy-status: \"bowline-[0-9a-f]{6}\"; error=$error\$" "$seen"
}

# The number of log lines of $1 with this reason.
logged() {
  local count
  for _ in {1..100}; do
    count=$(grep -c "\"end.reason\":\"$2\"" "$work/$1.out")
    [ "$count" -ge "$3" ] && break
    sleep 0.05
  done
  same "$1: $2 in the log" "$3" "$count"
}

at=http://127.0.0.1:$origin

# With no rules.
forward standard
said=$(cat "$work/standard.err")
holds "it says what it is" '^bowline [0-9.]+: forward proxy, [0-9]+ loops?$' "$said"
holds "it says where it goes" '^  goes to    public addresses; CONNECT to port 443$' "$said"
lacks "on loopback it needs no users" 'OPEN PROXY' "$said"
refuses "loopback" 403 'policy\.refused\.destination' destination_ip_prohibited "$at/hello"
refuses "a name of loopback" 403 'policy\.refused\.destination' destination_ip_prohibited \
  "http://localhost:$origin/hello"
refuses "what a browser would ask an origin" 400 'policy\.refused\.target' http_request_denied \
  --noproxy '*' "http://127.0.0.1:$port/hello"
seen=$(fetch -i "${via[@]}" --proxytunnel "$at/hello")
holds "CONNECT to loopback: 403" '^HTTP/1\.1 403 ' "$seen"
# 192.0.2.0/24 is for documentation, and no public address: nothing is dialled.
seen=$(fetch -i "${via[@]}" --proxytunnel http://192.0.2.1:443/)
holds "CONNECT to an address inside: 403" '^HTTP/1\.1 403 ' "$seen"
logged standard policy.refused.destination 4
logged standard policy.refused.target 1

# With rules.
forward rules --deny "127.0.0.1:$shut" --deny 'denied.example' --allow "127.0.0.1:$origin" \
  --allow 127.0.0.0/8 --set upstream.response-timeout=300ms --set replay.attempts=0
holds "it counts the rules" '^  goes to    4 rules, then public addresses' \
  "$(cat "$work/rules.err")"
same "GET" hello "$(fetch "${via[@]}" "$at/hello")"
same "GET, HTTP/1.0" hello "$(fetch -0 "${via[@]}" "$at/hello")"
same "two URLs, one connection" "1 0 " "$(curl -sS --max-time 5 "${via[@]}" -o /dev/null \
  -o /dev/null -w '%{num_connects} ' "$at/hello" "$at/hello")"
fetch "${via[@]}" --data-binary @"$work/body" -H 'Expect:' "$at/echo" > "$work/echo"
alike "POST, 300 kB" "$work/body" "$work/echo"
fetch "${via[@]}" -H 'Transfer-Encoding: chunked' --data-binary @"$work/body" "$at/echo" \
  > "$work/echo"
alike "POST, chunked" "$work/body" "$work/echo"
seen=$(fetch "${via[@]}" -H 'Proxy-Connection: keep-alive' -H 'Proxy-Authorization: Basic eA==' \
  "$at/head")
holds "the origin sees origin-form" '^GET /head HTTP/1\.1$' "$seen"
holds "the origin sees Host" "^host: 127\.0\.0\.1:$origin\$" "$seen"
holds "the origin sees Via" '^via: 1\.1 bowline-[0-9a-f]{6}$' "$seen"
lacks "the origin sees nothing that is for proxies" '^proxy-' "$seen"
fetch "${via[@]}" --proxytunnel --data-binary @"$work/body" -H 'Expect:' "$at/echo" > "$work/echo"
alike "CONNECT to a port that a rule names" "$work/body" "$work/echo"
logged rules client.closed.tunnel 1
seen=$(fetch -i "${via[@]}" --proxytunnel "http://127.0.0.1:$demo/hello")
holds "CONNECT to another port: 403" '^HTTP/1\.1 403 ' "$seen"
refuses "a port denied" 403 'policy\.refused\.destination' destination_ip_prohibited \
  "http://127.0.0.1:$shut/"
refuses "a host denied" 403 'policy\.refused\.destination' destination_ip_prohibited \
  http://Denied.Example./
refuses "itself" 403 'policy\.refused\.destination' destination_ip_prohibited \
  "http://127.0.0.1:$port/"
refuses "where nobody listens" 502 'upstream\.refused\.dialling' connection_refused \
  "http://127.0.0.1:$closed/"
refuses "an origin that does not answer in time" 504 'upstream\.timeout\.waiting' \
  connection_read_timeout "$at/delay/5000"
logged rules upstream.timeout.waiting 1

# For those who have a name and a password.
{
  echo '# who may'
  echo
  echo "alice:$(openssl passwd -6 secret)"
  echo "bob:$(openssl passwd -5 'with : and spaces')"
} > "$work/users"
forward users --users "$work/users" --allow "127.0.0.1:$origin"
said=$(cat "$work/users.err")
holds "it counts the users" '^  users      2$' "$said"
holds "it counts one rule" '^  goes to    1 rule, then public addresses' "$said"
refuses "nobody" 407 'policy\.refused\.credentials' http_request_denied "$at/hello"
holds "407 says how" '^proxy-authenticate: Basic realm="bowline"$' \
  "$(fetch -i "${via[@]}" "$at/hello")"
refuses "a wrong password" 407 'policy\.refused\.credentials' http_request_denied \
  --proxy-user alice:Secret "$at/hello"
refuses "a stranger" 407 'policy\.refused\.credentials' http_request_denied \
  --proxy-user carol:secret "$at/hello"
same "alice" hello "$(fetch "${via[@]}" --proxy-user alice:secret "$at/hello")"
same "alice again" hello "$(fetch "${via[@]}" --proxy-user alice:secret "$at/hello")"
same "bob" hello "$(fetch "${via[@]}" --proxy-user 'bob:with : and spaces' "$at/hello")"
lacks "the origin does not see the password" '^proxy-authorization:' \
  "$(fetch "${via[@]}" --proxy-user alice:secret "$at/head")"
same "alice with CONNECT" hello \
  "$(fetch "${via[@]}" --proxytunnel --proxy-user alice:secret "$at/hello")"
holds "nobody with CONNECT: 407" '^HTTP/1\.1 407 ' \
  "$(fetch -i "${via[@]}" --proxytunnel "$at/hello")"
logged users policy.refused.credentials 5

# Files of users that are none: name, the file's text, a pattern of the sentence.
refused_file() {
  printf '%b' "$2" > "$work/bad"
  bowline proxy --mode forward --listen 127.0.0.1:0 --users "$work/bad"
  same "$1: exit status 2" 2 "$status"
  holds "$1: a sentence" "^bowline: \`$work/bad\`, $3" "$complained"
}
refused_file "a password in the open" '# a comment\nalice:secret\n' \
  'line 2: the password of `alice` is not hashed .*openssl passwd -6'
refused_file "a hash of no known kind" 'alice:$9$salt$hash\n' \
  'line 1: the password of `alice` is not hashed'
refused_file "a line without a colon" "$(tail -n 1 "$work/users")\ncarol\n" \
  'line 2: `name:hash` is expected'
refused_file "a name that is there twice" \
  "$(tail -n 1 "$work/users")\n$(tail -n 1 "$work/users")\n" 'line 2: `bob` is there twice'
refused_file "an empty file" '' 'line 1: there is nobody in it'
bowline proxy --mode forward --listen 127.0.0.1:0 --users "$work/nowhere"
same "no file of users: exit status 2" 2 "$status"
holds "no file of users: a sentence" '^bowline: cannot read the users in .*nowhere' "$complained"

# Where it listens when nobody says. The port may be another's: then it says which it wanted.
timeout 2 "$BOWLINE" proxy --mode forward --loops 1 --log off 2> "$work/err" < /dev/null
holds "by default it listens on loopback" '(listen +|cannot listen on )127\.0\.0\.1:8080' \
  "$(cat "$work/err")"
start open proxy --mode forward --listen :0 --deny '*' --log off
holds "on every address, without users, it warns" 'OPEN PROXY; see `--users`' \
  "$(cat "$work/open.err")"
start closed proxy --mode forward --listen :0 --users "$work/users" --deny '*' --log off
lacks "with users it does not" 'OPEN PROXY' "$(cat "$work/closed.err")"
