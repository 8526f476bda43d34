"""Proxies in a row, and in a ring."""

from curl import curl
from processes import free_ports
from scenario import exchanges, reasons, same, scenario
from stage import forward, proxy


@scenario("chain: forward, forward, nginx")
def two_forward(stage):
    port = stage.nginx.port
    with forward("--allow", f"127.0.0.1:{port}", "--via", "second") as second, \
            forward("--allow", f"127.0.0.1:{port}", "--via", "first", "--to",
                    f"http://127.0.0.1:{second.port}") as first:
        at, via = f"http://127.0.0.1:{port}", ["-x", f"http://127.0.0.1:{first.port}"]
        # Of two fields Via, nginx below 1.23 shows the first.
        seen = curl(at + "/seen", *via).body.decode()
        same("Via at nginx", True, seen in ("1.1 first", "1.1 first, 1.1 second"))
        same("1 MB", True, curl(at + "/big.bin", *via).body == stage.big)
        put = curl(at + "/upload/chain", *via, "-T", "-", "-H", "Expect:", input=stage.body)
        same("PUT", (201, True), (put.status, stage.uploaded("chain") == stage.body))
        tunnel = curl(at + "/big.bin", *via, "--proxytunnel")
        same("CONNECT through both", ([200, 200], True),
             (tunnel.statuses, tunnel.body == stage.big))
        lines = [exchanges(one, 4) for one in (first, second)]
        same("methods at both", [["GET", "GET", "PUT", "CONNECT"]] * 2,
             [[one["http.request.method"] for one in log] for log in lines])
    return f"GET, PUT and CONNECT through both; nginx sees Via: {seen}"


@scenario("chain: forward, reverse, nginx")
def forward_reverse(stage):
    with proxy(stage.nginx.port, "--via", "gate") as gate, forward("--via", "front") as front:
        at = f"http://127.0.0.1:{gate.port}"
        made = curl([at + "/seen", at + "/big.bin", at + "/none"], "-x",
                    f"http://127.0.0.1:{front.port}")
        same("statuses", ([200, 200, 404], [1, 0, 0]), (made.statuses, made.connects))
        lines = exchanges(gate, 3)
        same("connections between them", 1, len({one["connection.id"] for one in lines}))
    return "3 requests on 1 connection at each hop, 404 is nginx's own"


def refused_loop(url, via):
    """Asks, and expects the loop to be named."""
    made = curl(url, "-x", f"http://127.0.0.1:{via}")
    same("status", 502, made.status)
    same("reason in the text", True, b"policy.refused.loop" in made.body)
    same("Proxy-Status", True, "proxy_loop_detected" in (made.field("Proxy-Status") or ""))


@scenario("loop: a proxy that is its own parent")
def own_parent(stage):
    [port] = free_ports(1)
    with forward("--to", f"http://127.0.0.2:{port}", listen=f":{port}") as bowline:
        refused_loop(f"http://127.0.0.1:{stage.nginx.port}/small.txt", port)
        lines = exchanges(bowline, 2)
        same("requests", 2, len(lines))
        same("reasons", ["policy.refused.loop", "us.complete"], reasons(lines))
    return "502 policy.refused.loop after 2 requests"


@scenario("loop: two proxies that are each other's parents")
def ring(stage):
    ports = free_ports(2)
    with forward("--to", f"http://127.0.0.1:{ports[1]}", listen=f"127.0.0.1:{ports[0]}") as one, \
            forward("--to", f"http://127.0.0.1:{ports[0]}", listen=f"127.0.0.1:{ports[1]}") as two:
        url = f"http://127.0.0.1:{stage.nginx.port}/small.txt"
        refused_loop(url, one.port)
        refused_loop(url, two.port)
        counts = [len(exchanges(proxy, 3)) for proxy in (one, two)]
        same("requests of two asked", [3, 3], counts)
    return "502 policy.refused.loop; 2 requests became 3 at each"
