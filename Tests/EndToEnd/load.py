#!/usr/bin/env python3
"""Three seconds of load through the proxy: no errors, and nothing kept afterwards."""

import re
import subprocess

from processes import Bowline, Peer, check, free_ports, same, until


def wrk(url, *words):
    return subprocess.run(["wrk", "--timeout", "10s", *words, url], capture_output=True, text=True, timeout=30).stdout


def main():
    origin_port, spare = free_ports(2)
    settings = ["--set", "upstream.idle-timeout=300ms"]
    with Bowline("demo", "--listen", f"127.0.0.1:{spare}", "--origin", f"127.0.0.1:{origin_port}",
                 "--log", "off") as origin, Bowline(
            "proxy", "--to", f"http://127.0.0.1:{origin_port}", "--listen", "127.0.0.1:0",
            "--log", "off", *settings) as proxy:
        at = f"http://127.0.0.1:{proxy.port}"
        # Every loop has its descriptors before the first count: one request, and its connections
        # are gone again after upstream.idle-timeout.
        with Peer(proxy.port) as peer:
            peer.get("/hello").answer()
        check("at rest: listening sockets only",
              until(lambda: (proxy.sockets(), origin.sockets()) == (1, 2)), proxy.sockets())
        start = proxy.descriptors(), origin.descriptors()
        seen = wrk(at + "/hello", "-t1", "-c32", "-d3s")
        requests = int((re.search(r"(\d+) requests in", seen) or [0, 0])[1])
        check("wrk for 3 s: requests", requests > 1000, seen)
        check("wrk for 3 s: no errors", "Socket errors" not in seen and "Non-2xx" not in seen, seen)
        seen = wrk(at + "/bytes/100000", "-t1", "-c16", "-d1s")
        check("larger responses: no errors", "Socket errors" not in seen and "Non-2xx" not in seen,
              seen)
        seen = wrk(at + "/hello", "-t1", "-c16", "-d1s", "-H", "Connection: close")
        check("a connection for each request: no errors",
              "Socket errors" not in seen and "Non-2xx" not in seen, seen)
        # wrk cuts its connections in the middle: both sides must be given back.
        same("descriptors are back to the start", start, until(
            lambda: (proxy.descriptors(), origin.descriptors()) == start
            and (proxy.descriptors(), origin.descriptors())) or (
                proxy.descriptors(), origin.descriptors()))
        with Peer(proxy.port) as peer:
            same("and it still answers", 200, peer.get("/hello").answer().status)
        proxy.signal()
        same("exit status", 0, proxy.status())
        check("upstream connections were reused",
              re.search(r"9\d\.\d % on a reused|all on a reused", proxy.talk), proxy.talk)


main()
