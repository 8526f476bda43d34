"""What the scenarios share: a site of files, and the servers before it, started when asked for."""

import contextlib
import functools
import os
import random
import subprocess

import server
import tls
from processes import BOWLINE, Bowline
from scenario import Wrong

BIG = 1 << 20
LARGE = 16 << 20
PAGE = """<!doctype html><title>page</title><link rel="stylesheet" href="/page/style.css">
<img src="/page/one.svg"><img src="/page/two.svg"><p id="said">nothing</p>
<script src="/page/script.js"></script>
"""
SCRIPT = """addEventListener("load", () => {
  const loaded = [...document.images].filter(one => one.naturalWidth > 0).length;
  const colour = getComputedStyle(document.getElementById("said")).color;
  document.getElementById("said").textContent = `${loaded} images, ${colour}`;
});
"""
SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


class Stage:
    def __init__(self, folder):
        self.folder = folder
        self.site = os.path.join(folder, "site")
        self.doors = contextlib.ExitStack()
        # Apache's workers are another user than root.
        os.chmod(folder, 0o755)
        for name in ["upload", "list", "page"]:
            os.makedirs(os.path.join(self.site, name))
        os.chmod(os.path.join(self.site, "upload"), 0o777)
        self.big = random.Random(1).randbytes(BIG)
        self.body = random.Random(2).randbytes(BIG)
        for name, content in [
                ("small.txt", b"small\n"), ("big.bin", self.big), ("list/one.txt", b"one\n"),
                ("part.txt", b"a part, included\n"),
                ("page.shtml", b'before <!--# include file="part.txt" --> behind\n' * 9),
                ("page/index.html", PAGE.encode()), ("page/script.js", SCRIPT.encode()),
                ("page/style.css", b"p { color: rgb(1, 2, 3) }\n"),
                ("page/one.svg", SQUARE.encode()), ("page/two.svg", SQUARE.encode())]:
            with open(os.path.join(self.site, name), "wb") as file:
                file.write(content)
        # Of zeros, without a block on the disk: more than the kernel's buffers take.
        self.large_file = os.path.join(self.site, "large.bin")
        with open(self.large_file, "wb") as file:
            file.truncate(LARGE)
        self.body_file = os.path.join(folder, "body")
        with open(self.body_file, "wb") as file:
            file.write(self.body)

    def uploaded(self, name):
        with open(os.path.join(self.site, "upload", name), "rb") as file:
            return file.read()

    @functools.cached_property
    def nginx(self):
        return self.doors.enter_context(server.nginx(self.folder, self.site))

    @functools.cached_property
    def httpd(self):
        return self.doors.enter_context(server.httpd(self.folder, self.site))

    @functools.cached_property
    def python(self):
        return self.doors.enter_context(server.python(self.folder, self.site))

    @functools.cached_property
    def certificate(self):
        """Self-signed, with its key, in one file."""
        path = os.path.join(self.folder, "certificate.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out",
             path + ".part"], check=True, capture_output=True, timeout=30)
        with open(path + ".part") as part, open(path, "a") as whole:
            whole.write(part.read())
        return path

    @functools.cached_property
    def tls(self):
        return self.doors.enter_context(tls.Origin(self.site, self.certificate))

    @functools.cached_property
    def users(self):
        """A file for `--users`: alice, whose password is `secret`."""
        done = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True, text=True,
                              capture_output=True, timeout=30)
        return server.write(self.folder, "users", f"# one user\nalice:{done.stdout}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.doors.close()


def proxy(port, *more):
    """A reverse proxy before `port`."""
    return Bowline("proxy", "--to", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0",
                   "--loops", 1, "--log", "json", *more)


def forward(*more, listen="127.0.0.1:0"):
    """A forward proxy that may go to loopback, and to nowhere else. `more` comes first."""
    return Bowline("proxy", "--mode", "forward", "--listen", listen, "--loops", 1, "--log",
                   "json", *more, "--allow", "127.0.0.0/8", "--deny", "0.0.0.0/0", "--deny",
                   "[::]/0")


def version():
    done = subprocess.run([BOWLINE, "--version"], capture_output=True, text=True, timeout=10)
    if done.returncode:
        raise Wrong(f"{BOWLINE} does not run: {done.stderr}")
    return done.stdout.strip()
