#!/usr/bin/env python3
"""One port has one owner: a port in use is refused, and an inherited one stays reachable."""

import os
import signal
import socket
import subprocess
import sys
import threading

from processes import BOWLINE, Bowline, Peer, check, free_ports, same, until


def listeners(port):
    """Sockets that listen on `port`, as the kernel counts them."""
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as file:
            for line in list(file)[1:]:
                words = line.split()
                count += words[3] == "0A" and int(words[1].split(":")[1], 16) == port
    return count


def refused(name, port, *words):
    run = subprocess.run([BOWLINE, *words], capture_output=True, text=True, timeout=10)
    same(f"{name}: exit status 2", 2, run.returncode)
    sentence = run.stderr.strip()
    check(f"{name}: one sentence names the address", sentence.count("\n") == 0
          and "in use by another process" in sentence and f":{port}" in sentence, run.stderr)
    same(f"{name}: one listener", 1, listeners(port))


def port_in_use():
    with Bowline("serve", ".", "--listen", "127.0.0.1:0", "--loops", 2) as first:
        port = first.port
        same("two loops listen once", 1, listeners(port))
        refused("a second process on the port", port,
                "serve", ".", "--listen", f"127.0.0.1:{port}", "--loops", "2")
        refused("a proxy on the port", port,
                "proxy", "--to", "http://127.0.0.1:1", "--listen", f"127.0.0.1:{port}")
        refused("a demo whose origin is there", port, "demo", "--listen", "127.0.0.1:0",
                "--origin", f"127.0.0.1:{port}")
        with Peer(port) as peer:
            same("the first goes on", 200, peer.get("/run.sh").answer().status)
    with Bowline("serve", ".", "--listen", ":0", "--loops", 2) as first:
        refused("every address twice", first.port, "serve", ".", "--listen", f":{first.port}")
    # A client's connection that we closed first is in TIME-WAIT now; a restart does not mind.
    with Bowline("serve", ".", "--listen", f"127.0.0.1:{port}") as again:
        same("a restart gets its port at once", port, again.port)


def start_inheriting(listening, *words):
    """As a service manager does it: the socket is descriptor 3 of what becomes bowline."""
    program = (
        "import os, sys; fd = int(sys.argv[1]); os.dup2(fd, 3); "
        "os.set_inheritable(3, True); fd == 3 or os.close(fd); "
        "os.execve(sys.argv[2], sys.argv[2:], "
        "dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'))")
    fd = listening.fileno()
    return Bowline(*words, executable_words=[sys.executable, "-c", program, str(fd), BOWLINE],
                   pass_fds=[fd])


def inheritance():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", free_ports(1)[0]))
        listening.listen(128)
        port = listening.getsockname()[1]
        words = ("serve", ".", "--listen", f"127.0.0.1:{port}", "--log", "off")
        answers, is_over = [], threading.Event()

        def knock():
            """One connection after the other, while one process takes over from another."""
            while not is_over.is_set():
                try:
                    with Peer(port) as peer:
                        answers.append(peer.get("/run.sh", "Connection: close").answer().status)
                except OSError as error:
                    answers.append(repr(error))
                except EOFError as error:
                    answers.append(str(error))

        with start_inheriting(listening, *words) as first:
            check("an inherited socket is said to be one", "(inherited)" in first.talk, first.talk)
            same("it is the only listener", 1, listeners(port))
            same("its descriptor is there once", 1, first.sockets())
            knocking = threading.Thread(target=knock)
            knocking.start()
            until(lambda: len(answers) > 20)
            first.signal(signal.SIGTERM)
            same("the first drains and exits with 0", 0, first.status())
        before = len(answers)
        with start_inheriting(listening, *words) as second:
            until(lambda: len(answers) > before + 20)
            is_over.set()
            knocking.join()
            check("the second answers on the same port", len(answers) > before + 20, answers[-5:])
            wrong = [one for one in answers if one != 200]
            check("no connection was refused or cut between them", not wrong,
                  f"{len(wrong)} of {len(answers)}: {wrong[:5]}")
            second.signal(signal.SIGTERM)
            same("the second exits with 0", 0, second.status())


port_in_use()
inheritance()
