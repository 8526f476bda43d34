"""curl, with what it received taken apart."""

import os
import re
import subprocess

from scenario import Wrong
from server import tool


class Transfer:
    """What came: every head (and trailers behind the last one), and the body."""

    def __init__(self, heads, body, connects):
        self.heads = heads.replace("\r", "")
        self.body = body
        self.statuses = [int(one) for one in re.findall(r"^HTTP/\S+ (\d+)", self.heads, re.M)]
        self.status = self.statuses[-1] if self.statuses else 0
        # Made for each URL, in a row.
        self.connects = connects

    @property
    def version(self):
        return re.findall(r"^HTTP/(\S+)", self.heads, re.M)[-1]

    def field(self, name):
        """The last field of that name, trailers included."""
        found = re.findall(rf"^{name}:[ \t]*(.*)$", self.heads, re.M | re.I)
        return found[-1] if found else None


def curl(urls, *words, input=None, status=0):
    """Asks for one URL, or for several in a row, without the user's own settings.

    `status` is the one that curl is to exit with.
    """
    path = os.path.join(os.environ["TMPDIR"], "curl")
    urls = [urls] if isinstance(urls, str) else urls
    for name in [path + ".heads", path + ".body"]:
        open(name, "wb").close()
    words = [*words, *(word for url in urls for word in ["-o", path + ".body", url])]
    done = subprocess.run(
        [tool("curl"), "-q", "-sS", "--max-time", "20", "-D", path + ".heads",
         "-w", "%{num_connects} ", *words],
        input=b"" if input is None else input, capture_output=True, timeout=30)
    if done.returncode != status:
        raise Wrong(f"curl {' '.join(words)} exits with {done.returncode}: {done.stderr.decode()}")
    with open(path + ".heads", encoding="latin-1") as heads, open(path + ".body", "rb") as body:
        return Transfer(heads.read(), body.read(),
                        [int(one) for one in done.stdout.decode().split()])
