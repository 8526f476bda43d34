#!/usr/bin/env bash
# Requests per CPU-second of bowline's proxy beside nginx's, on this machine, in half a minute.
#
# Core 0 carries the load (wrk) and the origin (nginx, 200 bytes), core 1 the proxy under test. The
# two proxies take turns round by round, and each round gives one ratio, because the speed of a
# shared machine swings more between minutes than between proxies. CPU time is the kernel's own
# count for the proxy's threads (schedstat). Loopback only; everything started here is ended here.
set -euo pipefail

rounds=${ROUNDS:-3}
seconds=${SECONDS_PER_ROUND:-3}
connections=${CONNECTIONS:-64}
bowline=${BOWLINE:-.build/release/bowline}
PATH="$PATH:/usr/sbin:/sbin"

die() { echo "bench-quick: $*" >&2; exit 1; }

for tool in nginx wrk curl python3 taskset; do
  command -v "$tool" > /dev/null || die "'$tool' is missing; make setup installs it"
done
[ "$(nproc)" -ge 2 ] || die "two cores are needed, one for the load and one for the proxy"

work=$(mktemp -d)
started=()
finish() {
  local pid
  for pid in "${started[@]}"; do kill -TERM "$pid" 2> /dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Three ports that are free now, held together so that they differ.
read -r origin_port nginx_port bowline_port < <(python3 - << 'PORTS'
import socket
held = [socket.socket() for _ in range(3)]
for one in held: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PORTS
)

body=$(printf 'bowline%.0s' {1..30} | head -c 200)

# Writes a configuration: $1 is its name, the rest of it comes on standard input.
nginx_configuration() {
  {
    [ "$(id -u)" -ne 0 ] || echo "user root;"
    cat << COMMON
daemon off;
worker_processes 1;
pid $work/$1.pid;
error_log $work/$1.log warn;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path $work/$1.body;
  proxy_temp_path $work/$1.proxy;
  fastcgi_temp_path $work/$1.fastcgi;
  uwsgi_temp_path $work/$1.uwsgi;
  scgi_temp_path $work/$1.scgi;
COMMON
    cat
    echo "}"
  } > "$work/$1.conf"
}

nginx_configuration origin << ORIGIN
  server { listen 127.0.0.1:$origin_port; location / { return 200 "$body"; } }
ORIGIN
nginx_configuration nginx << PROXY
  upstream origin {
    server 127.0.0.1:$origin_port;
    keepalive 64;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:$nginx_port;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
PROXY

# Starts a peer: name, port, core, command. Its process id goes into $process. False, with the
# reason printed, when it does not answer with the origin's body within five seconds.
start() {
  local name=$1 port=$2 core=$3 answer=""
  shift 3
  taskset -c "$core" "$@" > "$work/$name.out" 2>&1 < /dev/null &
  process=$!
  started+=("$process")
  for _ in {1..50}; do
    kill -0 "$process" 2> /dev/null || break
    answer=$(curl -s --max-time 1 "http://127.0.0.1:$port/" || true)
    [ "$answer" != "$body" ] || return 0
    sleep 0.1
  done
  echo "bench-quick: $name did not start: $*" >&2
  if kill -0 "$process" 2> /dev/null; then
    echo "bench-quick: it runs, but http://127.0.0.1:$port/ does not give the origin's body" >&2
  else
    echo "bench-quick: it ended at once" >&2
  fi
  tail -n 5 "$work/$name.out" "$work/$name.log" 2> /dev/null | sed 's/^/  | /' >&2 || true
  return 1
}

# The process that does the work: nginx's worker, or the process itself.
worker() { pgrep -P "$1" | head -n 1 || true; }

# Printed as an integer: some awks write a large sum as 2.68694e+09.
cpu_nanoseconds() {
  cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# One measurement of a peer: appends "requests-per-CPU-second p99-ms rss-kB" to its results.
measure() {
  local name=$1 port=$2 pid=$3 before after
  before=$(cpu_nanoseconds "$pid")
  taskset -c 0 wrk -t1 -c"$connections" -d"${seconds}s" --latency "http://127.0.0.1:$port/" \
    > "$work/wrk.out"
  after=$(cpu_nanoseconds "$pid")
  if grep -E 'Socket errors|Non-2xx' "$work/wrk.out" >&2; then
    echo "bench-quick: $name answered with errors; its numbers are worth nothing" >&2
  fi
  awk -v cpu=$((after - before)) -v rss="$(awk '/VmRSS/ { print $2 }' /proc/"$pid"/status)" '
    / requests in / { requests = $1 }
    $1 == "99%" {
      p99 = $2 + 0
      if ($2 ~ /us$/) p99 /= 1000
      else if ($2 !~ /ms$/) p99 *= 1000
    }
    END { printf "%.0f %.2f %d\n", requests * 1e9 / cpu, p99, rss }' \
    "$work/wrk.out" >> "$work/$name.results"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

start origin "$origin_port" 0 nginx -e "$work/origin.log" -c "$work/origin.conf" \
  || die "no origin, no measurement"
peers=()
declare -A port_of pid_of
if start nginx "$nginx_port" 1 nginx -e "$work/nginx.log" -c "$work/nginx.conf"; then
  peers+=(nginx)
  port_of[nginx]=$nginx_port
  pid_of[nginx]=$(worker "$process")
fi
if [ ! -x "$bowline" ]; then
  echo "bench-quick: bowline did not start: there is no $bowline; make build makes it" >&2
elif start bowline "$bowline_port" 1 "$bowline" proxy --listen "127.0.0.1:$bowline_port" \
  --to "http://127.0.0.1:$origin_port" --loops 1 --log off; then
  peers+=(bowline)
  port_of[bowline]=$bowline_port
  pid_of[bowline]=$process
fi
[ ${#peers[@]} -gt 0 ] || die "neither proxy started"

for ((round = 1; round <= rounds; round++)); do
  order=("${peers[@]}")
  if ((round % 2 == 0 && ${#peers[@]} == 2)); then order=("${peers[1]}" "${peers[0]}"); fi
  for name in "${order[@]}"; do measure "$name" "${port_of[$name]}" "${pid_of[$name]}"; done
done

echo
echo "$rounds rounds of $seconds s, $connections connections, 200-byte body; medians"
printf '%-10s %16s %10s %10s\n' proxy "requests/CPU-s" "p99 ms" "RSS kB"
for name in "${peers[@]}"; do
  printf '%-10s %16s %10s %10s\n' "$name" \
    "$(awk '{ print $1 }' "$work/$name.results" | median)" \
    "$(awk '{ print $2 }' "$work/$name.results" | median)" \
    "$(awk '{ print $3 }' "$work/$name.results" | median)"
done
if [ ${#peers[@]} -lt 2 ]; then
  echo "no ratio: only ${peers[0]} ran" >&2
  exit 1
fi
ratios=$(paste -d ' ' "$work/bowline.results" "$work/nginx.results" \
  | awk '{ printf "%.2f\n", $1 / $4 }')
echo "bowline / nginx, round by round: $(echo "$ratios" | tr '\n' ' ')median $(echo "$ratios" | median)"
