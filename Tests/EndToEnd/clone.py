#!/usr/bin/env python3
"""A stranger's first minutes: clone, `make run`, the three lines it prints, Ctrl-C.

Builds from nothing and uses the ports 8080 and 9000, so `make test` leaves it out. By hand:
END_TO_END_SECONDS=900 Tests/EndToEnd/run.sh clone
"""

import os
import pty
import re
import select
import subprocess
import time

from processes import check, same

root = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
clone = os.path.join(os.environ["TMPDIR"], "clone")
subprocess.run(["git", "clone", "--quiet", root, clone], check=True)

began = time.monotonic()
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(clone)
    os.execvp("make", ["make", "run"])

seen = ""


def read_until(text, seconds):
    """Reads the terminal until `text` is there. False at the end, or when the time is over."""
    global seen
    end = time.monotonic() + seconds
    while text not in seen and time.monotonic() < end:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece.decode(errors="replace")
    return text in seen


try:
    check("make run builds and starts", read_until("Ctrl-C ends it.", 800), seen[-1500:])
    print(f"-- after {time.monotonic() - began:.0f} s")
    lines = re.findall(r"^  (curl .*?)\r?$", seen, re.M)
    same("it prints three lines to try", 3, len(lines))
    for line in lines:
        run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=10)
        check(f"it works: {line}", run.returncode == 0 and run.stdout, run)
    check("the log is text, for the terminal", read_until("POST /echo", 5) and '"time"' not in seen,
          seen[-1500:])
    os.write(terminal, b"\x03")
    check("Ctrl-C: it says what it served", read_until("served ", 5), seen[-1500:])
    read_until("nothing more, so to the end", 5)
    print("-- " + seen[-700:].replace("\n", "\n-- "))
finally:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
# make gets the Ctrl-C too. It waits for bowline, and then ends by the signal, whatever its recipe
# returned; an error of bowline's it would have reported. The status 0 of bowline is seen in ending.
check("make reports no error", status in (0, -2) and "***" not in seen, (status, seen[-300:]))
