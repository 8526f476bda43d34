#!/usr/bin/env bash
# The proxy before three origins: ours, nginx, and python's http.server (HTTP/1.0, one request a
# connection). The same questions to each; then what only the demo's origin answers.
source "$(dirname "$0")/lib.sh"

site=$work/site
mkdir -p "$site/dir" "$site/upload"
echo 'home' > "$site/index.html"
echo 'plain' > "$site/a.txt"
head -c 5000000 /dev/urandom > "$site/big.bin"
head -c 300000 /dev/urandom > "$work/body"

read -r nginx_port demo_port < <(free_ports 2)

start ours serve "$site" --listen 127.0.0.1:0 --log off
ours_port=$port

cat > "$work/nginx.conf" << NGINX
$([ "$(id -u)" -ne 0 ] || echo "user root;")
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log warn;
events { worker_connections 512; }
http {
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path $work/nginx.body;
  proxy_temp_path $work/nginx.proxy;
  fastcgi_temp_path $work/nginx.fastcgi;
  uwsgi_temp_path $work/nginx.uwsgi;
  scgi_temp_path $work/nginx.scgi;
  server {
    listen 127.0.0.1:$nginx_port;
    root $site;
    client_max_body_size 10m;
    location /upload/ { dav_methods PUT; }
    location = /post { return 200 "posted\n"; }
    location = /seen { return 200 "\$http_via \$http_host"; }
  }
}
NGINX
nginx -p "$work" -e "$work/nginx.log" -c "$work/nginx.conf" > "$work/nginx.out" 2>&1 &
started+=("$!")
await nginx "$nginx_port"

python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$site" > "$work/python.out" 2>&1 &
started+=("$!")
for _ in {1..200}; do
  python_port=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\).*/\1/p' "$work/python.out")
  [ -z "$python_port" ] || break
  sleep 0.05
done
await python "$python_port"

# What every origin must be able to do: its name, its port.
every_origin() {
  local name=$1 origin_port=$2 at head seen
  start "proxy-$name" proxy --to "http://127.0.0.1:$origin_port" --listen 127.0.0.1:0 --log json
  at=http://127.0.0.1:$port
  same "$name: HTTP/1.1" plain "$(fetch --http1.1 "$at/a.txt")"
  same "$name: HTTP/1.0" plain "$(fetch -0 "$at/a.txt")"
  same "$name: two URLs, one connection" "1 0 " "$(curl -sS --max-time 5 -o /dev/null -o /dev/null \
    -w '%{num_connects} ' "$at/a.txt" "$at/")"
  same "$name: HTTP/1.0 with keep-alive, one connection" "1 0 " \
    "$(curl -sS -0 -H 'Connection: keep-alive' --max-time 5 -o /dev/null -o /dev/null \
      -w '%{num_connects} ' "$at/a.txt" "$at/")"
  head=$(fetch -I "$at/big.bin")
  holds "$name: HEAD" '^content-length: 5000000$' "$head"
  holds "$name: HEAD is answered in HTTP/1.1" '^HTTP/1\.1 200 ' "$head"
  holds "$name: Via names us" '^via: 1\.[01] bowline-[0-9a-f]{6}$' "$head"
  same "$name: GET after HEAD on one connection" "1 0 200" "$(
    curl -sS --max-time 5 -I -o /dev/null -w '%{num_connects} ' "$at/a.txt" \
      --next -sS --max-time 5 -o /dev/null -w '%{num_connects} %{http_code}' "$at/a.txt")"
  fetch "$at/big.bin" > "$work/big"
  alike "$name: 5 MB, byte by byte" "$site/big.bin" "$work/big"
  fetch -0 "$at/big.bin" > "$work/big"
  alike "$name: 5 MB, byte by byte, HTTP/1.0" "$site/big.bin" "$work/big"
  same "$name: 404" 404 "$(status_of "$at/none")"
  seen=$(fetch -i "$at/dir")
  holds "$name: a redirect comes through" '^HTTP/1\.1 301 ' "$seen"
  same "$name: the log has a line for each exchange, every one complete" "13 us.complete" \
    "$(python3 -c '
import json, sys, time
for attempt in range(100):
    lines = [json.loads(line) for line in open(sys.argv[1])]
    if len(lines) >= 13: break
    time.sleep(0.05)
print(len(lines), *{line["end.reason"] for line in lines})' "$work/proxy-$name.out" 2>&1)"
}

# Requests with bodies; the status that this origin gives: name, path, method, status.
bodies() {
  local name=$1 at=http://127.0.0.1:$port path=$2 method=$3 expected=$4
  same "$name: $method" "$expected" \
    "$(status_of -X "$method" -H 'Expect:' --data-binary @"$work/body" "$at$path")"
  same "$name: $method with Expect" "$expected" \
    "$(status_of -X "$method" -H 'Expect: 100-continue' --data-binary @"$work/body" "$at$path")"
  same "$name: $method, empty" "$expected" "$(status_of -X "$method" -d '' "$at$path")"
}

every_origin ours "$ours_port"
bodies ours /a.txt POST 405
same "ours: POST chunked" 405 "$(status_of -H 'Transfer-Encoding: chunked' \
  --data-binary @"$work/body" "http://127.0.0.1:$port/a.txt")"

every_origin nginx "$nginx_port"
bodies nginx /post POST 200
at=http://127.0.0.1:$port
same "nginx: PUT" 201 "$(status_of -T "$work/body" -H 'Expect:' "$at/upload/length")"
alike "nginx: it came whole" "$work/body" "$site/upload/length"
same "nginx: PUT with Expect" 201 \
  "$(status_of -T "$work/body" -H 'Expect: 100-continue' "$at/upload/expect")"
alike "nginx: it came whole after 100" "$work/body" "$site/upload/expect"
same "nginx: PUT chunked" 201 "$(status_of -T - -H 'Expect:' "$at/upload/chunked" < "$work/body")"
alike "nginx: it came whole, chunked" "$work/body" "$site/upload/chunked"
holds "nginx sees Via and Host" '^1\.1 bowline-[0-9a-f]{6} 127\.0\.0\.1' "$(fetch "$at/seen")"
same "nginx: an upload too large" 413 "$(head -c 11000000 /dev/zero \
  | curl -sS --max-time 10 -T - -o /dev/null -w '%{http_code}' "$at/upload/large" 2> /dev/null)"

every_origin python "$python_port"
# It answers 501 without reading, and closes with bytes unread: a reset may overtake the answer,
# through a proxy or without. A short body is read by nobody either, and does no harm.
same "python: POST" 501 "$(status_of -d short "http://127.0.0.1:$port/a.txt")"
same "python: POST with Expect" 501 \
  "$(status_of -H 'Expect: 100-continue' -d short "http://127.0.0.1:$port/a.txt")"

# The demo: our proxy and our origin in one process.
start demo demo --listen 127.0.0.1:0 --origin "127.0.0.1:$demo_port" --log off
for base in "http://127.0.0.1:$port" "http://127.0.0.1:$demo_port"; do
  [ "$base" == "http://127.0.0.1:$demo_port" ] && name="demo's origin" || name=demo
  for version in --http1.1 --http1.0; do
    fetch $version --data-binary @"$work/body" -H 'Expect:' "$base/echo" > "$work/echo"
    alike "$name: echo $version" "$work/body" "$work/echo"
  done
  fetch --data-binary @"$work/body" -H 'Expect: 100-continue' "$base/echo" > "$work/echo"
  alike "$name: echo with Expect" "$work/body" "$work/echo"
  fetch -H 'Transfer-Encoding: chunked' --data-binary @"$work/body" "$base/echo" > "$work/echo"
  alike "$name: echo of a chunked upload" "$work/body" "$work/echo"
  fetch --data-binary @"$site/big.bin" "$base/echo" > "$work/echo"
  alike "$name: echo of 5 MB" "$site/big.bin" "$work/echo"
  fetch "$base/bytes/5000000" > "$work/bytes"
  fetch "$base/chunked/5000000" > "$work/chunked"
  same "$name: 5 MB with a length" 5000000 "$(stat -c %s "$work/bytes")"
  alike "$name: 5 MB chunked is the same" "$work/bytes" "$work/chunked"
  fetch -0 "$base/chunked/5000000" > "$work/chunked"
  alike "$name: 5 MB chunked is the same to HTTP/1.0" "$work/bytes" "$work/chunked"
  holds "$name: 103 comes before 200" 'HTTP/1\.1 103 .*HTTP/1\.1 200 ' \
    "$(fetch -i "$base/hints" | tr '\r\n' '  ')"
  lacks "$name: no 103 for HTTP/1.0" ' 103 ' "$(fetch -0 -i "$base/hints")"
  holds "$name: a trailer for who wants it" '^x-checksum: 42$' \
    "$(fetch -i -H 'TE: trailers' -H 'Connection: TE' "$base/trailers")"
  same "$name: 204" "204 0" "$(curl -sS --max-time 5 -w '%{http_code} %{size_download}' \
    "$base/status/204")"
  same "$name: HEAD of a chunked resource" 200 "$(status_of -I "$base/chunked/10")"
done
holds "the demo's origin sees our Via" '^via: 1\.1 bowline-[0-9a-f]{6}$' \
  "$(fetch "http://127.0.0.1:$port/head")"
lacks "hop-by-hop fields stay here" '^(x-mine|connection|keep-alive):' "$(fetch \
  -H 'Connection: X-Mine' -H 'X-Mine: a' -H 'Keep-Alive: 5' "http://127.0.0.1:$port/head")"
