"""Clients of other makers: curl, Python's http.client, wget."""

import http.client
import os
import shutil
import subprocess

from curl import curl
from scenario import LeftOut, exchanges, holds, reasons, same, scenario
from stage import BIG, forward, proxy


@scenario("curl: versions")
def versions(stage):
    """Reverse proxy, two requests each: how many connections, and in which version."""
    with proxy(stage.nginx.port) as bowline:
        url = f"http://127.0.0.1:{bowline.port}/small.txt"
        for words, connects in [
                (["--http1.1"], [1, 0]), (["--http1.1", "-H", "Connection: close"], [1, 1]),
                (["--http1.0"], [1, 1]), (["--http1.0", "-H", "Connection: keep-alive"], [1, 0])]:
            made = curl([url, url], *words)
            same(" ".join(words), ([200, 200], "1.1", b"small\n", connects),
                 (made.statuses, made.version, made.body, made.connects))
        lines = exchanges(bowline, 8)
        same("versions in the log", ["1.1"] * 4 + ["1.0"] * 4,
             [one["network.protocol.version"] for one in lines])
        kept = len({one["upstream.connection.id"] for one in lines})
        same("connections to nginx", 1, kept)
    return "1.0 and 1.1, kept and closed as each asks; 1 connection to nginx for all 8"


@scenario("curl: forward proxy")
def plain(stage):
    with forward() as bowline:
        at, via = f"http://127.0.0.1:{stage.nginx.port}", ["-x", f"http://127.0.0.1:{bowline.port}"]
        made = curl([at + "/small.txt", at + "/big.bin"], *via)
        same("two files", ([200, 200], [1, 0], True),
             (made.statuses, made.connects, made.body == stage.big))
        put = curl(at + "/upload/forward", *via, "-T", "-", "-H", "Expect:", input=stage.body)
        same("PUT chunked", (201, True),
             (put.status, stage.uploaded("forward") == stage.body))
        old = curl(at + "/small.txt", *via, "-0")
        same("HTTP/1.0", (200, b"small\n"), (old.status, old.body))
        lines = exchanges(bowline, 4)
        same("origin in the log", {f"127.0.0.1:{stage.nginx.port}"},
             {one["server.address"] for one in lines})
        same("end reasons", ["us.complete"], reasons(lines))
    return "GET, PUT chunked and HTTP/1.0 in absolute-form; 4 exchanges, all complete"


@scenario("curl: CONNECT")
def connect(stage):
    plain_port, tls_port = stage.nginx.port, stage.tls.port
    with forward("--allow", f"127.0.0.1:{plain_port}", "--allow",
                 f"127.0.0.1:{tls_port}") as bowline:
        via = ["-x", f"http://127.0.0.1:{bowline.port}"]
        tunnel = curl(f"http://127.0.0.1:{plain_port}/big.bin", *via, "--proxytunnel")
        same("in the open", ([200, 200], True), (tunnel.statuses, tunnel.body == stage.big))
        secure = curl(f"https://127.0.0.1:{tls_port}/big.bin", *via, "--cacert", stage.certificate)
        same("TLS", ([200, 200], True), (secure.statuses, secure.body == stage.big))
        lines = exchanges(bowline, 2)
        same("methods", ["CONNECT"] * 2, [one["http.request.method"] for one in lines])
        holds("bytes in the log", all(
            one["http.response.body.size"] > BIG for one in lines), lines)
    return f"1 MB in the open and 1 MB with TLS; {reasons(lines)}"


@scenario("curl: proxy password")
def password(stage):
    port = stage.nginx.port
    url = f"http://127.0.0.1:{port}/small.txt"
    with forward("--users", stage.users, "--allow", f"127.0.0.1:{port}") as bowline:
        via = ["-x", f"http://127.0.0.1:{bowline.port}"]
        first = curl(url, *via)
        same("without one", (407, 'Basic realm="bowline"'),
             (first.status, first.field("Proxy-Authenticate")))
        asked = curl(url, *via, "--proxy-anyauth", "--proxy-user", "alice:secret")
        same("when asked", ([407, 200], b"small\n"), (asked.statuses, asked.body))
        at_once = curl([url, url], *via, "--proxy-user", "alice:secret")
        same("at once, twice", ([200, 200], [1, 0]), (at_once.statuses, at_once.connects))
        same("a wrong one", 407, curl(url, *via, "--proxy-user", "alice:Secret").status)
        tunnel = curl(url, *via, "--proxytunnel", "--proxy-user", "alice:secret")
        same("CONNECT", ([200, 200], b"small\n"), (tunnel.statuses, tunnel.body))
        refused = curl(url, *via, "--proxytunnel", status=56)
        same("CONNECT without one", [407], refused.statuses)
        lines = exchanges(bowline, 8)
        same("refused in the log", 4,
             sum(one["end.reason"] == "policy.refused.credentials" for one in lines))
    return "407, then 200 with it; a wrong one 407; CONNECT the same"


@scenario("http.client: keep-alive and tunnel")
def http_client(stage):
    origin = f"127.0.0.1:{stage.nginx.port}"
    with proxy(stage.nginx.port) as bowline:
        one = http.client.HTTPConnection("127.0.0.1", bowline.port, timeout=10)
        bodies = []
        for path in ["/small.txt", "/chunked/page.shtml", "/small.txt"]:
            one.request("GET", path)
            bodies.append(len(one.getresponse().read()))
        one.request("PUT", "/upload/client", iter([stage.body[:70_000], stage.body[70_000:]]),
                    encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        status = one.getresponse().status
        one.close()
        same("PUT, chunked", (201, True), (status, stage.uploaded("client") == stage.body))
        lines = exchanges(bowline, 4)
        same("sockets", 1, len({line["connection.id"] for line in lines}))
    with forward("--allow", origin) as bowline:
        two = http.client.HTTPConnection("127.0.0.1", bowline.port, timeout=10)
        two.set_tunnel("127.0.0.1", stage.nginx.port)
        for path, content in [("/small.txt", b"small\n"), ("/big.bin", stage.big)]:
            two.request("GET", path)
            same(f"{path} in the tunnel", True, two.getresponse().read() == content)
        two.close()
        [line] = exchanges(bowline, 1)
        same("end of the tunnel", "client.closed.tunnel", line["end.reason"])
    return f"4 requests on 1 socket, {sum(bodies)} bytes read; 2 in a tunnel, client.closed.tunnel"


@scenario("wget: both proxies")
def wget(stage):
    if not (program := shutil.which("wget")):
        raise LeftOut("there is no wget here")
    path = os.path.join(stage.folder, "wget")

    def fetch(url, *words):
        subprocess.run([program, "--no-config", "-q", "-t", "1", "-T", "15", "-O", path, *words,
                        url], check=True, timeout=30, capture_output=True)
        with open(path, "rb") as file:
            return file.read() == stage.big
    with proxy(stage.nginx.port) as bowline:
        same("reverse", True, fetch(f"http://127.0.0.1:{bowline.port}/big.bin"))
    with forward("--users", stage.users) as bowline:
        same("forward", True, fetch(
            f"http://127.0.0.1:{stage.nginx.port}/big.bin", "-e", "use_proxy=yes", "-e",
            f"http_proxy=http://127.0.0.1:{bowline.port}", "--proxy-user=alice",
            "--proxy-password=secret"))
        same("end reasons", ["us.complete"], reasons(exchanges(bowline, 1)))
    return "1 MB alike through the reverse proxy, and with a password through the forward proxy"
