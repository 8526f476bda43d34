"""Chromium without a window, through the forward proxy."""

import contextlib
import os
import re
import signal
import subprocess

from processes import Bowline
from scenario import LeftOut, Wrong, exchanges, holds, reasons, same, scenario
from server import tool
from stage import forward

# The drawing that the page's script makes of itself: only with every part loaded.
DRAWN = "2 images, rgb(1, 2, 3)"
PARTS = ["/page/", "/page/one.svg", "/page/script.js", "/page/style.css", "/page/two.svg"]


def chromium(stage, url, *words):
    """The page's document, as text, after its scripts ran."""
    program = tool("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    process = subprocess.Popen(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         f"--user-data-dir={stage.folder}/chromium", "--timeout=20000", "--dump-dom", *words, url],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True)
    try:
        document, talk = process.communicate(timeout=40)
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"{program} does not end: {(error.stderr or b'')[-200:]}") from error
    finally:
        # It has a dozen processes, all in the group that is ours.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        raise Wrong(f"{program} exits with {process.returncode}: {talk[-200:]}")
    return document.decode(errors="replace")


def probed(stage):
    """Leaves the scenario out where Chromium cannot even show a page without a network."""
    try:
        page = chromium(stage, "data:text/html,<p>probe")
    except (OSError, Wrong) as error:
        raise LeftOut(f"Chromium does not run here: {error}") from error
    if "probe" not in page:
        raise LeftOut(f"Chromium does not run here: it shows {page[:100]!r}")


def said(document):
    found = re.search(r'<p id="said">(.*?)</p>', document)
    return found[1] if found else document


def through(bowline):
    """Options that make it use the proxy, for loopback too."""
    return [f"--proxy-server=http://127.0.0.1:{bowline.port}", "--proxy-bypass-list=<-loopback>"]


@scenario("chromium: a page")
def page(stage):
    probed(stage)
    with Bowline("serve", stage.site, "--listen", "127.0.0.1:0", "--log", "off") as origin, \
            forward() as bowline:
        url = f"http://127.0.0.1:{origin.port}/page/"
        same("the page", DRAWN, said(chromium(stage, url, *through(bowline))))
        lines = exchanges(bowline, len(PARTS))
        own = [one for one in lines if one.get("server.address") == f"127.0.0.1:{origin.port}"]
        holds("its parts in the log", set(PARTS) <= {one["url.path"] for one in own}, own)
        same("end reasons", ["us.complete"], reasons(own))
        used = len({one["connection.id"] for one in own})
    return f"{DRAWN}; {len(own)} requests on {used} connections, all complete"


@scenario("chromium: a page with TLS")
def secure_page(stage):
    probed(stage)
    with forward("--allow", f"127.0.0.1:{stage.tls.port}") as bowline:
        url = f"https://127.0.0.1:{stage.tls.port}/page/"
        same("the page", DRAWN, said(chromium(
            stage, url, *through(bowline), "--ignore-certificate-errors")))
        lines = [one for one in exchanges(bowline, 1)
                 if one.get("server.address") == f"127.0.0.1:{stage.tls.port}"]
        holds("tunnels", lines and {one["http.request.method"] for one in lines} == {"CONNECT"},
              lines)
        same("status", {200}, {one["http.response.status_code"] for one in lines})
        holds("how they ended", all(one["end.reason"].endswith(".tunnel") for one in lines),
              reasons(lines))
        total = sum(one["http.response.body.size"] for one in lines)
    return f"{DRAWN}; {len(lines)} CONNECT, {total} bytes, {reasons(lines)}"
