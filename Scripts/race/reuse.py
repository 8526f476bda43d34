#!/usr/bin/env python3
"""Connections that each proxy opens for the same load: REQUESTS, first of 64 clients, then of 512.

  reuse.py           Bowline with two loops, nginx with two workers, HAProxy with two threads;
                     status 1 when Bowline opens more than it may or fails a request

REQUESTS  of both loads together (1000000)
PROXIES   which ones (nginx haproxy bowline)
LIMIT     connections to one upstream (128)
BOWLINE   the binary

Nine of ten requests are GET, one is POST. The three upstreams are three addresses of one nginx; it
announces the end of a connection with its 1,000th response (`keepalive_requests 1000`), and counts:
stub_status says how many connections it took, its log how many it ended that way.

The limit is 128: above the 64 clients, so that the first load never waits, and 3 x 128 below the
512, so that the second does. What comes nearest in the others, below in NGINX and HAPROXY:
nginx     keeps 192 idle connections in each worker, 384 in all. It has no limit that lets requests
          wait, so there is none. `keepalive_requests` is out of the way.
HAProxy   `maxconn 128` for each server; requests wait above it. `http-reuse always`, which shares
          most.
Bowline   `upstream.connections=128`.

The bound of Bowline is the limit x 3 + the connections that the origin ended + those that it gave
up because it had learned that the origin would. All processes share all cores.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "Scripts" / "bench")]
sys.dont_write_bytecode = True

import load  # noqa: E402
import peers  # noqa: E402

NAMES = ("nginx", "haproxy", "bowline")
CLIENTS = (64, 512)
UPSTREAMS = 3
USES = 1000
# Most seconds for one load.
SECONDS = 600

ORIGIN = """\
{user}
daemon off;
worker_processes 1;
pid {work}/origin.pid;
error_log {work}/origin.log crit;
events {{ worker_connections 8192; }}
http {{
  map $connection_requests $is_last {{ default 0; {uses} 1; }}
  log_format last $connection;
  access_log {work}/last last if=$is_last;
  client_body_temp_path {work}/origin.body;
  proxy_temp_path {work}/origin.proxy;
  fastcgi_temp_path {work}/origin.fastcgi;
  uwsgi_temp_path {work}/origin.uwsgi;
  scgi_temp_path {work}/origin.scgi;
  keepalive_requests {uses};
  keepalive_timeout 600s;
  server {{
{listens}
    location / {{ return 200 "{body}"; }}
  }}
  server {{
    listen 127.0.0.1:{status};
    access_log off;
    location / {{ stub_status; }}
  }}
}}
"""

NGINX = """\
{user}
daemon off;
worker_processes 2;
pid {work}/nginx.pid;
error_log {work}/nginx.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  keepalive_requests 100000000;
  upstream origin {{
{servers}
    keepalive {kept};
    keepalive_requests 100000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://origin; }}
  }}
}}
"""

HAPROXY = """\
global
  nbthread 2
  maxconn 8192
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout queue 60s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend origin
backend origin
{servers}
"""


def stop(reason):
    sys.exit(f"reuse: {reason}")


def number(name, default):
    text = os.environ.get(name) or str(default)
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        stop(f"{name} is '{text}', not a number")
    return int(text)


def everywhere():
    """Every core, as taskset takes them."""
    return ",".join(map(str, sorted(os.sched_getaffinity(0))))


class Origin(peers.Process):
    def __init__(self, work):
        *self.ports, self.status_port = peers.free_ports(UPSTREAMS + 1)
        self.last = work / "last"
        listens = "\n".join(f"    listen 127.0.0.1:{one} backlog=4096;" for one in self.ports)
        (work / "origin.conf").write_text(ORIGIN.format(
            user=user(), work=work, uses=USES, listens=listens, status=self.status_port,
            body="b" * 200))
        super().__init__("origin", everywhere(), [
            "nginx", "-e", work / "origin.log", "-c", work / "origin.conf"], self.ports[0], work)
        # Those of the start, and of asking.
        self.own = self.accepted_ever()

    def accepted_ever(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}/", timeout=5) as answer:
            return int(re.search(rb"requests\s+(\d+)", answer.read())[1])

    def accepted(self):
        """Connections of others since the start."""
        self.own += 1
        return self.accepted_ever() - self.own

    def ended(self):
        """Connections that had their last use."""
        return self.last.read_text().count("\n")


def user():
    return "user root;" if os.geteuid() == 0 else ""


def start_proxy(name, origin, limit, work, binary, log):
    port, = peers.free_ports(1)
    servers = {
        "nginx": "\n".join(f"    server 127.0.0.1:{one};" for one in origin.ports),
        "haproxy": "\n".join(f"  server origin{one} 127.0.0.1:{one} maxconn {limit}"
                             for one in origin.ports),
    }.get(name, "")
    text = {"nginx": NGINX, "haproxy": HAPROXY}.get(name, "").format(
        user=user(), work=work, port=port, servers=servers, kept=max(1, limit * UPSTREAMS // 2))
    (work / f"{name}.conf").write_text(text)
    command = {
        "nginx": ["nginx", "-e", work / "nginx.log", "-c", work / "nginx.conf"],
        "haproxy": ["haproxy", "-q", "-db", "-f", work / "haproxy.conf"],
        "bowline": [binary, "proxy", "--listen", f"127.0.0.1:{port}", "--loops", 2, "--log", "json",
                    "--log-connections", "--set", f"upstream.connections={limit}", "--set",
                    "log.buffer=64MB", *(word for one in origin.ports
                                         for word in ("--to", f"http://127.0.0.1:{one}"))],
    }[name]
    return peers.Process(name, everywhere(), command, port, work, log)


def drive(proxy, clients, requests):
    """So many requests; nothing is under way at the end."""
    wrk = subprocess.Popen(
        ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "30s", "-s",
         HERE / "reuse.lua", proxy.url(), "--", str(requests)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True)
    try:
        said = []
        for line in wrk.stdout:
            said.append(line)
            if line == "answered\n":
                wrk.send_signal(signal.SIGINT)
        wrk.wait(60)
    finally:
        if wrk.poll() is None:
            wrk.kill()
            wrk.wait()
    return load.result("".join(said))


class Found:
    """What one proxy did with both loads."""

    def __init__(self, opened, ended, results, reasons):
        self.opened, self.ended, self.results, self.reasons = opened, ended, results, reasons

    @property
    def requests(self):
        return sum(one["requests"] for one in self.results)

    @property
    def failed(self):
        return sum(sum(one["errors"].values()) for one in self.results)

    @property
    def learned(self):
        return sum(count for reason, count in self.reasons.items() if is_learned(reason))

    def line(self):
        each = ", ".join(f"{count:,} of {clients} clients"
                         for clients, count in zip(CLIENTS, self.opened))
        return (f"{self.requests:,} requests, {self.failed:,} failed; {sum(self.opened):,} "
                f"connections opened ({each}), {self.ended:,} of them ended by the origin")

    def missed(self, limit):
        """What Bowline did not reach, each in one sentence."""
        found = []
        bound = limit * UPSTREAMS + self.ended + self.learned
        if self.failed:
            found.append(f"{self.failed:,} requests failed, none may")
        if sum(self.opened) > bound:
            found.append(f"{sum(self.opened):,} connections opened, {bound:,} may be: {limit} x "
                         f"{UPSTREAMS} + {self.ended:,} ended by the origin + {self.learned:,} "
                         "given up as learned")
        if sum(self.reasons.values()) != sum(self.opened):
            found.append(f"the log tells the end of {sum(self.reasons.values()):,} connections, "
                         f"and the origin took {sum(self.opened):,}")
        return found


def is_learned(reason):
    """Given up by us because the origin would have closed it soon."""
    return reason.startswith("us.pool.") and "learned" in reason


def upstream_ends(text):
    """How connections to upstreams ended, by reason."""
    lines = (json.loads(line) for line in text.splitlines())
    return Counter(one["end.reason"] for one in lines if one["side"] == "upstream")


def run(name, limit, requests, work, binary):
    """Both loads through one process. Of Bowline's log only what is of connections is kept."""
    kept = work / "connections.json"
    with Origin(work) as origin, open(kept, "wb") as file:
        # The other lines would be a gigabyte.
        sieve = subprocess.Popen(["grep", "-F", '"event":"connection.end"'],
                                 stdin=subprocess.PIPE, stdout=file, env={"LC_ALL": "C"}
                                 | {"PATH": os.environ["PATH"]})
        try:
            with start_proxy(name, origin, limit, work, binary, sieve.stdin) as proxy:
                sieve.stdin.close()
                opened, results = [], []
                for clients in CLIENTS:
                    results.append(drive(proxy, clients, requests // len(CLIENTS)))
                    opened.append(origin.accepted() - sum(opened))
            sieve.wait(60)
        finally:
            if sieve.poll() is None:
                sieve.kill()
                sieve.wait()
        return Found(opened, origin.ended(), results, upstream_ends(kept.read_text())
                     if name == "bowline" else Counter())


def main():
    names = os.environ.get("PROXIES", " ".join(NAMES)).replace(",", " ").split()
    if unknown := [name for name in names if name not in NAMES]:
        stop(f"no proxy is named '{unknown[0]}'; there are: {', '.join(NAMES)}")
    requests, limit = number("REQUESTS", 1_000_000), number("LIMIT", 128)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    binary = Path(os.environ.get("BOWLINE", ROOT / ".build/release/bowline"))
    if "bowline" in names and not os.access(binary, os.X_OK):
        stop(f"there is no {binary}; make build makes it")
    peers.raise_descriptor_limit()
    # A signal ends the run as an error does: through the places that end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"reuse: {requests:,} requests, of {CLIENTS[0]} and then of {CLIENTS[1]} clients, to "
          f"{UPSTREAMS} upstreams that close after {USES:,} uses; limit {limit} for each",
          flush=True)
    missed = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="reuse") as place:
            try:
                found = run(name, limit, requests, Path(place), binary)
            except (peers.StartFailed, RuntimeError, OSError) as error:
                print(f"{name:<9} {error}", flush=True)
                missed += [f"Bowline: {error}"] if name == "bowline" else []
                continue
        print(f"{name:<9} {found.line()}", flush=True)
        if name == "bowline":
            missed = found.missed(limit)
            for reason, count in found.reasons.most_common():
                print(f"          {count:>7,} ended with {reason}")
    for sentence in missed:
        print(f"missed    {sentence}")
    if "bowline" in names and not missed:
        print("reached   the bound, with every connection's reason, and no request failed")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
