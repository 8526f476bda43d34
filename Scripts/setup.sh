#!/usr/bin/env bash
# Installs, with apt, what the targets of the Makefile call and this machine lacks.
#
#   Scripts/setup.sh            for `make test` and `make bench`
#   Scripts/setup.sh interop    for `make interop` too: other people's servers, clients, a browser
#
# When nothing is missing nothing is touched, and neither apt nor a network need exist.
set -euo pipefail
cd "$(dirname "$0")/.."

# nginx is often in /usr/sbin, which is not on every user's PATH.
PATH="$PATH:/usr/sbin:/sbin"
python_packages=.build/interop

is_missing() { ! command -v "$1" > /dev/null; }

missing=()
# Squid, for the tunnels of `make bench`, is not among them: its package starts a proxy for everybody.
for tool in nginx haproxy wrk strace curl python3 pkg-config; do
  is_missing "$tool" && missing+=("$tool")
done
# These come in packages of another name. A compiler without the C library's headers is no use.
is_missing taskset && missing+=(util-linux)
is_missing cc && missing+=(gcc libc6-dev)
if [ "${1:-}" == interop ]; then
  for tool in openssl slowhttptest wget; do is_missing "$tool" && missing+=("$tool"); done
  # Without the package that would start a service.
  is_missing apache2 && missing+=(apache2-bin)
  [ -d "$python_packages/websockets" ] || python3 -m pip --version > /dev/null 2>&1 \
    || missing+=(python3-pip)
fi

# Packages. With rights, or with a sentence about why not.
install() {
  echo "setup: missing: $*"
  if is_missing apt-get; then
    echo "setup: no apt-get here; install these by hand: $*" >&2
    return 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if is_missing sudo; then
      echo "setup: run as root, or install these by hand: $*" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  # The system's own list of packages may be too old to find any.
  "${as_root[@]}" apt-get update -qq < /dev/null || return 1
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" < /dev/null || return 1
  echo "setup: installed $*"
}

if [ ${#missing[@]} -gt 0 ]; then
  install "${missing[@]}"
else
  echo "setup: nothing is missing"
fi
[ "${1:-}" == interop ] || exit 0

if [ ! -d "$python_packages/websockets" ]; then
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --target "$python_packages" --requirement Tests/Interop/requirements.txt < /dev/null
  echo "setup: installed $(cat Tests/Interop/requirements.txt) in $python_packages"
fi
# Large, and not everywhere to be had: what needs it is left out then.
if is_missing chromium && is_missing chromium-headless-shell && is_missing google-chrome; then
  install chromium-headless-shell || install chromium \
    || echo "setup: no Chromium; its scenarios will be left out" >&2
fi
