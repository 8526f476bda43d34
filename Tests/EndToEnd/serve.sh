#!/usr/bin/env bash
# `bowline serve`: files, directories, refusals, and paths that try to get out.
source "$(dirname "$0")/lib.sh"

site=$work/site
mkdir -p "$site/dir/deep" "$site/empty"
echo '<h1>home</h1>' > "$site/index.html"
echo '<h1>dir</h1>' > "$site/dir/index.html"
echo 'plain' > "$site/a file.txt"
: > "$site/nothing.txt"
for ending in css js json svg png wasm unknown; do echo x > "$site/a.$ending"; done
echo 'secret' > "$work/secret"
ln -s "$work/secret" "$site/way-out"
head -c 5000000 /dev/urandom > "$site/big.bin"
touch -d '2020-02-03 04:05:06 UTC' "$site/index.html"

start serve serve "$site" --listen 127.0.0.1:0 --log json
at=http://127.0.0.1:$port

head=$(fetch -i "$at/index.html")
holds "GET: 200" '^HTTP/1\.1 200 OK$' "$head"
holds "GET: Content-Length" '^content-length: 14$' "$head"
holds "GET: Content-Type" '^content-type: text/html; charset=utf-8$' "$head"
holds "GET: Last-Modified" '^last-modified: Mon, 03 Feb 2020 04:05:06 GMT$' "$head"
holds "GET: Accept-Ranges" '^accept-ranges: bytes$' "$head"
holds "GET: nosniff" '^x-content-type-options: nosniff$' "$head"
holds "GET: Date" '^date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$' "$head"
date=$(sed -n 's/^date: //Ip' <<< "${head//$'\r'/}")
age=$(($(date +%s) - $(date -d "$date" +%s)))
if [ $age -ge -1 ] && [ $age -le 3 ]; then
  pass "GET: the Date is now"
else
  fail "GET: the Date is now" "$date"
fi

same "/ is index.html" '<h1>home</h1>' "$(fetch "$at/")"
same "/dir/ is its index.html" '<h1>dir</h1>' "$(fetch "$at/dir/")"
same "a name with a space" plain "$(fetch "$at/a%20file.txt")"
same "a query is no part of the name" '<h1>home</h1>' "$(fetch "$at/index.html?a=b")"
head=$(fetch -i "$at/nothing.txt")
holds "an empty file: 200 with length 0" '^content-length: 0$' "$head"
fetch "$at/big.bin" > "$work/big"
alike "5 MB, byte by byte" "$site/big.bin" "$work/big"
fetch -0 "$at/big.bin" > "$work/big"
alike "5 MB, byte by byte, HTTP/1.0" "$site/big.bin" "$work/big"

head=$(fetch -I "$at/big.bin")
holds "HEAD: 200" '^HTTP/1\.1 200 OK$' "$head"
holds "HEAD: the length of what GET gives" '^content-length: 5000000$' "$head"
same "HEAD: no body, and the connection goes on" "1 0 " \
  "$(curl -sS --max-time 5 -I -o /dev/null -w '%{num_connects} ' "$at/" "$at/dir/" -o /dev/null)"

# Conditions. curl asks with If-None-Match from the file of its own, and with -z by the date.
# A tag is weak while its file is fresh; then a range may rely on it.
for _ in {1..100}; do
  tag=$(fetch -I "$at/big.bin" | sed -n 's/^etag: //Ip' | tr -d '\r')
  case $tag in W/*) sleep 0.1 ;; *) break ;; esac
done
holds "the ETag becomes strong" '^"[0-9a-f]+-[0-9a-f]+"$' "$tag"
fetch --etag-save "$work/tag" -o "$work/big" "$at/big.bin"
same "curl --etag-compare: 304" 304 "$(status_of --etag-compare "$work/tag" "$at/big.bin")"
head=$(fetch -i -H "If-None-Match: $tag" "$at/big.bin")
holds "304: the ETag" "^etag: $tag\$" "$head"
lacks "304: no length of its own" '^content-length:' "$head"
same "curl -z, not modified since: 304" 304 \
  "$(status_of -z 'Mon, 03 Feb 2020 04:05:06 GMT' "$at/index.html")"
same "curl -z, modified since: 200" 200 \
  "$(status_of -z 'Mon, 03 Feb 2020 04:05:05 GMT' "$at/index.html")"
same "curl -z -, not unmodified since: 412" 412 \
  "$(status_of -z '-Mon, 03 Feb 2020 04:05:05 GMT' "$at/index.html")"
same "If-Match, another tag: 412" 412 "$(status_of -H 'If-Match: "other"' "$at/index.html")"

# Ranges.
head -c 10 "$site/big.bin" > "$work/wanted"
fetch -r 0-9 -o "$work/part" "$at/big.bin"
alike "curl -r 0-9" "$work/wanted" "$work/part"
tail -c 10 "$site/big.bin" > "$work/wanted"
fetch -r -10 -o "$work/part" "$at/big.bin"
alike "curl -r -10" "$work/wanted" "$work/part"
head=$(fetch -r 5- -D - -o /dev/null "$at/index.html")
holds "a range: 206" '^HTTP/1\.1 206 Partial Content$' "$head"
holds "a range: Content-Range" '^content-range: bytes 5-13/14$' "$head"
holds "a range: Content-Length" '^content-length: 9$' "$head"
head=$(fetch -i -r 14- "$at/index.html")
holds "a range past the end: 416" '^HTTP/1\.1 416 ' "$head"
holds "a range past the end: the size" '^content-range: bytes \*/14$' "$head"
same "several ranges: the whole" '<h1>home</h1>' "$(fetch -r 0-1,3-4 "$at/index.html")"
same "a range of an empty file: 200" 200 "$(status_of -r 0-9 "$at/nothing.txt")"
head -c 3000000 "$site/big.bin" > "$work/resumed"
fetch -C - -o "$work/resumed" "$at/big.bin"
alike "curl -C - resumes" "$site/big.bin" "$work/resumed"
head -c 3000000 "$site/big.bin" > "$work/resumed"
fetch -C - -H "If-Range: $tag" -o "$work/resumed" "$at/big.bin"
alike "curl -C - resumes with If-Range" "$site/big.bin" "$work/resumed"
same "If-Range of another file: the whole" 200 \
  "$(status_of -r 5- -H 'If-Range: "other"' "$at/big.bin")"

head=$(fetch -i "$at/dir")
holds "a directory without slash: 301" '^HTTP/1\.1 301 ' "$head"
holds "a directory without slash: Location" '^location: /dir/$' "$head"
holds "a directory without slash: the query is kept" '^location: /dir/\?a=b$' \
  "$(fetch -i "$at/dir?a=b")"
same "curl -L follows it" '<h1>dir</h1>' "$(fetch -L "$at/dir")"
head=$(fetch -i --path-as-is "$at//dir")
lacks "a redirect never leads to another host" '^location: //' "$head"

same "no such file: 404" 404 "$(status_of "$at/none")"
same "a directory without index: 404" 404 "$(status_of "$at/empty/")"
same "a file is no directory: 404" 404 "$(status_of "$at/index.html/")"
head=$(fetch -i -d x "$at/index.html")
holds "POST: 405" '^HTTP/1\.1 405 ' "$head"
holds "POST: Allow" '^allow: GET, HEAD$' "$head"
same "TRACE: 405" 405 "$(status_of -X TRACE "$at/index.html")"
same "DELETE: 405" 405 "$(status_of -X DELETE "$at/index.html")"
same "an unknown method: 501" 501 "$(status_of -X BREW "$at/index.html")"

for path in /../secret /dir/../../secret /%2e%2e/secret /%2E%2E%2Fsecret /..%2fsecret \
  /dir/%2e%2e/%2e%2e/secret /way-out //etc/passwd /%2fetc/passwd /..%5csecret; do
  answer=$(fetch -i --path-as-is "$at$path")
  if grep -qE '^HTTP/1\.1 (400|403|404) ' <<< "$answer" && ! grep -qE 'secret|root:' <<< "$answer"
  then
    pass "$path does not get out"
  else
    fail "$path does not get out" "$answer"
  fi
done
for path in /index.html%00 /%00 /index.html%00.txt /%zz /% /index.html%2; do
  answer=$(status_of --path-as-is "$at$path")
  case $answer in
    400 | 404) pass "$path names no file" ;;
    *) fail "$path names no file" "$answer" ;;
  esac
done
long=$(printf 'a%.0s' {1..5000})
same "a name too long for the system: 404" 404 "$(status_of "$at/$long")"

types="css=text/css; charset=utf-8|js=text/javascript; charset=utf-8|json=application/json"
types+="|svg=image/svg+xml|png=image/png|wasm=application/wasm|unknown=application/octet-stream"
while IFS='=' read -r ending type; do
  same "the type of .$ending" "$type" \
    "$(curl -sS --max-time 5 -o /dev/null -w '%{content_type}' "$at/a.$ending")"
done <<< "${types//|/$'\n'}"

mkfifo "$site/pipe"
holds "a named pipe is no file, and nobody waits for it" '^40[34]$' \
  "$(status_of --max-time 2 "$at/pipe")"

# A file that may not be read. Root may read it, unless that is taken away.
echo closed > "$site/closed.txt"
chmod 000 "$site/closed.txt"
own=$BOWLINE
if [ "$(id -u)" == 0 ]; then
  printf '#!/bin/sh\nexec setpriv --inh-caps=-all %s "%s" "$@"\n' \
    '--bounding-set=-dac_override,-dac_read_search' "$BOWLINE" > "$work/humble"
  chmod +x "$work/humble"
  BOWLINE=$work/humble
fi
start humble serve "$site" --listen 127.0.0.1:0 --log off
BOWLINE=$own
head=$(fetch -i "http://127.0.0.1:$port/closed.txt")
holds "a file without permission: 403" '^HTTP/1\.1 403 ' "$head"
lacks "a file without permission: nothing of it" 'closed' "$head"
same "and the server goes on" 200 "$(status_of "http://127.0.0.1:$port/")"

# Loopback only, but for this one: the form everybody types.
start everywhere serve "$site" --listen :0 --log off
same "--listen :PORT, over IPv4" 200 "$(status_of "http://127.0.0.1:$port/")"
if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
  same "--listen :PORT, over IPv6" 200 "$(status_of "http://[::1]:$port/")"
  start v6 serve "$site" --listen '[::1]:0' --log off
  same "--listen [::1]:PORT" 200 "$(status_of "http://[::1]:$port/")"
  same "--listen [::1]:PORT is not IPv4" 000 \
    "$(status_of "http://127.0.0.1:$port/" 2>&1 | tail -c 3)"
fi
start local serve "$site" --listen localhost:0 --log off
same "--listen localhost:PORT" 200 "$(status_of "http://127.0.0.1:$port/")"
