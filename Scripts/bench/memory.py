"""Resident memory of a proxy: fresh, and with thousands of idle clients."""

import re
import select
import socket
from pathlib import Path

REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
BODY = 200


def resident_kB(pid):
    """Resident size. smaps_rollup is exact; VmRSS lags behind by some pages for each core."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE)[1])


def read_answer(client):
    seen = b""
    while len(seen.partition(b"\r\n\r\n")[2]) < BODY:
        part = client.recv(4096)
        if not part:
            raise OSError("a connection was closed before its answer was complete")
        seen += part


def ended(clients):
    """How many of these idle connections have something to read, which can only be their end."""
    watch = select.poll()
    for client in clients:
        watch.register(client, select.POLLIN)
    return len(watch.poll(0))


def measure(proxy, count):
    """Opens `count` connections with one request each and leaves them idle."""
    base = resident_kB(proxy.worker)
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
            clients.append(client)
            client.sendall(REQUEST)
            read_answer(client)
        result = {"base_kB": base, "after_kB": resident_kB(proxy.worker), "clients": count}
        if lost := ended(clients):
            result["error"] = f"{lost} of {count} connections did not stay open"
        return result
    except OSError as error:
        return {"base_kB": base, "error": f"connection {len(clients)} of {count}: {error}"}
    finally:
        for client in clients:
            client.close()
