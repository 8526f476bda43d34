#!/usr/bin/env bash
# Installs, with apt, what `make test` and `make bench` call and this machine lacks.
# When nothing is missing nothing is touched, and apt need not exist.
set -euo pipefail

# nginx is often in /usr/sbin, which is not on every user's PATH.
PATH="$PATH:/usr/sbin:/sbin"

missing=()
for tool in nginx haproxy squid wrk strace curl python3 pkg-config; do
  command -v "$tool" > /dev/null || missing+=("$tool")
done
# These come in packages of another name. A compiler without the C library's headers is no use.
command -v taskset > /dev/null || missing+=(util-linux)
command -v cc > /dev/null || missing+=(gcc libc6-dev)

if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: nothing is missing"
  exit 0
fi

echo "setup: missing: ${missing[*]}"
if ! command -v apt-get > /dev/null; then
  echo "setup: no apt-get here; install these by hand: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "setup: run as root, or install these by hand: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq < /dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" < /dev/null
echo "setup: installed ${missing[*]}"
