"""slowhttptest against the reverse proxy, with a client that behaves beside it."""

import os
import re
import subprocess
import threading
import time
from collections import Counter

from processes import Peer, until
from scenario import entries, holds, same, scenario, short
from server import tool
from stage import proxy

TIMES = ["--set", "client.head-timeout=2s", "--set", "client.body-grace=2s", "--set",
         "write.stall-timeout=2s", "--set", "linger.idle=1s"]


class Behaving:
    """Asks all the time, with a new connection each time, from a thread."""

    def __init__(self, port):
        self.port, self.slowest, self.count, self.failures = port, 0.0, 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while not self.over.wait(0.02):
            began = time.monotonic()
            try:
                with Peer(self.port) as peer:
                    status = peer.get("/small.txt").answer().status
                if status != 200:
                    self.failures.append(status)
            except (OSError, EOFError) as error:
                self.failures.append(repr(error))
            self.count += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(10)


def connection_ends(bowline):
    """How clients' connections ended, by reason."""
    return Counter(one["end.reason"] for one in entries(bowline)
                   if one.get("event") == "connection.end" and one["side"] == "downstream")


def attack(stage, words, path, reason, count=150):
    with proxy(stage.nginx.port, "--log-connections", *TIMES) as bowline:
        with Behaving(bowline.port) as client:
            done = subprocess.run(
                [tool("slowhttptest"), "-c", str(count), "-r", "100", "-l", "15", "-p", "3", "-v",
                 "1", *words, "-u", f"http://127.0.0.1:{bowline.port}{path}"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40,
                cwd=os.environ["TMPDIR"])
        said = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", done.stdout)
        available = re.findall(r"service available:\s*(\w+)", said)
        holds("slowhttptest finds the service available",
              available and set(available) == {"YES"}, available or short(said))
        same("nginx's exit status", None, stage.nginx.process.poll())
        # What the log says of it, should it ever see one.
        failed = [one["end.reason"] for one in entries(bowline)
                  if one.get("http.response.status_code", 0) >= 500]
        same("errors of the client that behaves", ([], []), (client.failures[:5], failed[:5]))
        holds("it asked all the time", client.count > 20, client.count)
        until(lambda: connection_ends(bowline)[reason] == count)
        ends = connection_ends(bowline)
        same(f"how many ended with {reason}", count, ends.pop(reason, 0))
        # Those of the client that behaves; and slowhttptest's probes, which hang up when they have
        # seen the status.
        others = [one for one in ends if not one.startswith("client.closed.")
                  and one not in ("client.reset.response", "client.asked.close")]
        same("how others ended", [], others)
    return (f"{count} slow ones end with {reason}; {client.count} requests beside them, no error, "
            f"slowest {client.slowest * 1000:.0f} ms")


@scenario("slowhttptest: slow heads")
def heads(stage):
    return attack(stage, ["-H", "-i", "1", "-x", "8"], "/small.txt", "client.timeout.head")


@scenario("slowhttptest: slow bodies")
def bodies(stage):
    return attack(stage, ["-B", "-i", "1", "-x", "8", "-s", "8192"], "/post", "client.slow.body")


@scenario("slowhttptest: slow reading")
def reading(stage):
    """Of a file that the kernel's buffers do not hold; those of 50 take enough memory."""
    return attack(stage, ["-X", "-w", "10", "-y", "20", "-n", "3", "-z", "16"], "/large.bin",
                  "client.stalled.write", count=50)
