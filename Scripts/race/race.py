#!/usr/bin/env python3
"""The keep-alive race on purpose, with nginx and HAProxy beside Bowline.

  race.py            the three proxies, three minutes; status 1 when Bowline misses a target
  race.py --quick    Bowline alone, ten seconds, and only the targets that hold from the start

impatient.py gives up on connections that were idle for IDLE seconds. crowd.py is many clients that
ask nearly at once: in long rounds around IDLE after the last answer of the round before, in short
rounds after 0.1 to 0.4 of it. So in long rounds many a request meets a connection that is just
being given up. To change a run, in the environment:

PROXIES   which ones (nginx haproxy bowline)
MANNER    how the origin gives up: `stalls`, then resets; `executes` what still comes, and closes
          without an answer; or `closes`, as nginx does (stalls)
JITTER    by what part of it IDLE varies (0)
IDLE      seconds (1.0)
CLIENTS   how many, with a connection each (150)
PAIRS     of a long and a short round (35)
SPREAD    how far from IDLE they ask in long rounds, as a part of it; with much more than the time
          that the origin takes to close, few requests meet such a connection (0.005)
WANDER    how far from IDLE the middle of a long round is at most, as a part of it (0)
DELAY     least and most seconds that an answer takes, which keeps the pool wide (0.05 0.05)
LOOPS     loops of Bowline, workers of nginx, threads of HAProxy (1)
SEED      the dice; the choices can be had again, the timing cannot
SETTINGS  more for Bowline: `NAME=VALUE NAME=VALUE`
BOWLINE   the binary

What the proxies are told, besides addresses (below, NGINX and HAPROXY):
nginx     HTTP/1.1 to the origin, Connection cleared, `keepalive 512`; all else as it is by default:
          keepalive_timeout 60s, proxy_next_upstream error timeout (never for a POST that was sent).
HAProxy   `http-reuse safe` and `retries 3` with `retry-on conn-failure`: its defaults, written out.
Bowline   nothing: every setting is the default one.
Origin and clients have one core, the proxy the other.
"""

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "Scripts" / "bench")]
sys.dont_write_bytecode = True

import crowd  # noqa: E402
import peers  # noqa: E402
import verdict  # noqa: E402

NAMES = ("nginx", "haproxy", "bowline")
# Log lines that are shown of failed POSTs.
SHOWN = 5

NGINX = """\
{user}
daemon off;
worker_processes {loops};
pid {work}/nginx.pid;
error_log {work}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  upstream origin {{
    server 127.0.0.1:{origin};
    keepalive 512;
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
  nbthread {loops}
  maxconn 4096
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse safe
  retries 3
  retry-on conn-failure
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin}
"""


def stop(reason):
    sys.exit(f"race: {reason}")


def word(name, default, pattern):
    text = os.environ.get(name, "").strip() or str(default)
    if not re.fullmatch(pattern, text):
        stop(f"{name} is '{text}', which it cannot be")
    return text


class Choice:
    """What the environment asks for."""

    def __init__(self, quick):
        number, fraction = r"[1-9]\d{0,4}", r"\d{1,3}(\.\d+)?"
        names = "|".join(NAMES)
        self.proxies = word("PROXIES", "bowline" if quick else " ".join(NAMES),
                            rf"({names})([ ,]+({names}))*").replace(",", " ").split()
        self.manner = word("MANNER", "stalls", "stalls|closes|executes")
        self.jitter = float(word("JITTER", 0, fraction))
        self.idle = float(word("IDLE", 0.5 if quick else 1.0, fraction))
        self.clients = int(word("CLIENTS", 150, number))
        self.pairs = int(word("PAIRS", 8 if quick else 35, number))
        self.spread = float(word("SPREAD", 0.005, fraction))
        self.wander = float(word("WANDER", 0, fraction))
        self.delay = word("DELAY", "0.05 0.05", f"{fraction} {fraction}").split()
        self.loops = int(word("LOOPS", 1, number))
        self.seed = int(word("SEED", 1, number))
        self.settings = word("SETTINGS", "", r"([\w.-]+=\S+\s*)*").split()


def start_origin(choice, core, work):
    port, = peers.free_ports(1)
    ledger = work / "ledger"
    ledger.unlink(missing_ok=True)
    origin = peers.Process("origin", core, [
        sys.executable, "-B", HERE / "impatient.py", port, ledger, "--idle", choice.idle,
        "--manner", choice.manner, "--jitter", choice.jitter, "--delay", *choice.delay,
        "--seed", choice.seed], port, work)
    origin.ledger = ledger
    return origin


def start_proxy(name, choice, origin, core, work, binary, log):
    port, = peers.free_ports(1)
    user = "user root;" if os.geteuid() == 0 else ""
    text = {"nginx": NGINX, "haproxy": HAPROXY}.get(name, "").format(
        user=user, work=work, port=port, origin=origin, loops=choice.loops)
    (work / f"{name}.conf").write_text(text)
    command = {
        "nginx": ["nginx", "-e", work / "nginx.log", "-c", work / "nginx.conf"],
        "haproxy": ["haproxy", "-q", "-db", "-f", work / "haproxy.conf"],
        "bowline": [binary, "proxy", "--listen", f"127.0.0.1:{port}", "--to",
                    f"http://127.0.0.1:{origin}", "--loops", choice.loops, "--log", "json",
                    "--log-connections", *(more for one in choice.settings
                                           for more in ("--set", one))],
    }[name]
    return peers.Process(name, core, command, port, work, log)


def run(name, choice, cores, work, binary):
    """One proxy through all rounds: what is to be said of it, and Bowline's log."""
    load_core, proxy_core = cores[0], cores[-1]
    log_file = work / f"{name}.json"
    with start_origin(choice, load_core, work) as origin:
        with open(log_file, "wb") as log, \
                start_proxy(name, choice, origin.port, proxy_core, work, binary, log) as proxy:
            spans = crowd.rounds(choice.idle, choice.pairs, choice.spread, choice.seed,
                                 choice.wander)
            clients = crowd.Crowd(proxy.port, choice.clients, spans, choice.seed)
            outcomes = clients.run()
    found = verdict.Verdict(outcomes, json.loads(origin.ledger.read_text()))
    lines = log_file.read_text().splitlines() if name == "bowline" else []
    return found, verdict.Log(lines)


def explain(found, log):
    """What Bowline's log says of the run, and of the POSTs that failed."""
    for title, counts in [("exchanges leased", log.leases), ("replayed after", log.replays),
                          ("upstream connections ended", log.connections)]:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
        print(f"          {title}: {listed or 'none'}")
    for one in found.failed["POST"][:SHOWN]:
        print(f"          failed POST: {log.line(one.path)}")
    for one in found.failed["GET"][:SHOWN]:
        print(f"          failed GET: {log.line(one.path)}")


def main(words):
    if words not in ([], ["--quick"]):
        stop("usage: race.py [--quick]")
    quick = words == ["--quick"]
    choice = Choice(quick)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    binary = Path(os.environ.get("BOWLINE", ROOT / ".build/release/bowline"))
    if "bowline" in choice.proxies and not os.access(binary, os.X_OK):
        stop(f"there is no {binary}; make build makes it")
    # A signal ends the run as an error does: through the places that end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = peers.cores()
    os.sched_setaffinity(0, cores[:1])
    print(f"race: idle limit {choice.idle} s, the origin {choice.manner}, jitter {choice.jitter}, "
          f"spread {choice.spread}, wander {choice.wander}, {choice.clients} clients, "
          f"{2 * choice.pairs} rounds, seed {choice.seed}, {choice.loops} loops", flush=True)
    missed = []
    for name in choice.proxies:
        with tempfile.TemporaryDirectory(prefix="race") as place:
            try:
                found, log = run(name, choice, cores, Path(place), binary)
            except peers.StartFailed as error:
                print(f"{name:<9} did not start: {error}", flush=True)
                missed += ["Bowline did not start"] if name == "bowline" else []
                continue
        print(f"{name:<9} {found.line()}", flush=True)
        if name == "bowline":
            explain(found, log)
            missed = verdict.missed(found, log, quick)
    for sentence in missed:
        print(f"missed    {sentence}")
    if "bowline" in choice.proxies and not missed:
        print("reached   every target")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
