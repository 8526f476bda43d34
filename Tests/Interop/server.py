"""Servers that are not ours: private instances on loopback, in a folder of their own."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess

from processes import free_ports, until
from scenario import LeftOut, Wrong

MODULES = "/usr/lib/apache2/modules"
RACE = os.path.join(os.path.dirname(__file__), "..", "..", "Scripts", "race")


def tool(*names):
    """The path of the first of these that is here."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise LeftOut(f"there is no {' or '.join(names)}; Scripts/setup.sh interop installs it")


class Server:
    """A process that listens on `port`, and those that it starts."""

    def __init__(self, words, port, talk):
        self.port = port
        with open(talk, "wb") as output:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True)
        try:
            until(lambda: self.answers() or self.process.poll() is not None, 15)
            if not self.answers():
                with open(talk, errors="replace") as said:
                    raise Wrong(f"{words[0]} does not listen: {said.read()[-300:]}")
        except BaseException:
            # We may be told to end here too, and no `with` knows of it yet.
            self.end()
            raise

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def end(self):
        """Asks kindly; after that the whole group of processes, which is ours, is killed."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def nobody():
    """Apache's workers refuse to be root."""
    user = pwd.getpwnam("nobody")
    return f"User #{user.pw_uid}\nGroup #{user.pw_gid}"


def nginx(folder, site):
    """Keeps connections; /closing/ does not. SSI pages are chunked; /trailer/ ends in a trailer."""
    program, [port] = tool("nginx"), free_ports(1)
    paths = "".join(f"  {kind}_temp_path {folder}/nginx.{kind};\n" for kind in
                    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    config = write(folder, "nginx.conf", f"""\
{"user root;" if os.getuid() == 0 else ""}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  types {{ text/html html shtml; text/css css; text/javascript js; image/svg+xml svg; }}
{paths}
  server {{
    listen 127.0.0.1:{port};
    root {site};
    client_max_body_size 4m;
    location /list/ {{ autoindex on; }}
    location /closing/ {{ alias {site}/; keepalive_timeout 0; }}
    location /chunked/ {{ alias {site}/; ssi on; }}
    location /trailer/ {{ alias {site}/; add_trailer X-Checksum 42; }}
    location /upload/ {{ dav_methods PUT; }}
    location = /post {{ return 200 "posted\\n"; }}
    location = /seen {{ return 200 "$http_via"; }}
  }}
}}
""")
    return Server([program, "-p", folder, "-e", folder + "/nginx.log", "-c", config], port,
                  folder + "/nginx.talk")


def httpd(folder, site):
    """Apache httpd: keeps connections, except at its other port. What it compresses is chunked."""
    program, [port, closing] = tool("apache2", "httpd"), free_ports(2)
    if not os.path.isdir(MODULES):
        raise LeftOut(f"Apache's modules are not in {MODULES}")
    loads = "".join(
        f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in
        ["mpm_event", "authz_core", "dir", "autoindex", "alias", "filter", "deflate", "dav",
         "dav_fs"])
    config = write(folder, "httpd.conf", f"""\
{loads}
ServerRoot {folder}
DefaultRuntimeDir {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{closing}
PidFile {folder}/httpd.pid
ErrorLog {folder}/httpd.log
{nobody() if os.getuid() == 0 else ""}
StartServers 1
DocumentRoot {site}
Alias /chunked/ {site}/
DavLockDB {site}/upload/.lock
<Directory {site}>
  Require all granted
  Options Indexes
</Directory>
<Directory {site}/upload>
  Dav On
</Directory>
<Location /chunked/>
  SetOutputFilter DEFLATE
</Location>
# `nokeepalive` would do for a path, but Apache forgets it when a request has Via.
<VirtualHost 127.0.0.1:{closing}>
  DocumentRoot {site}
  KeepAlive Off
</VirtualHost>
""")
    started = Server([program, "-d", folder, "-f", config, "-D", "FOREGROUND"], port,
                     folder + "/httpd.talk")
    started.closing_port = closing
    return started


def brief_nginx(folder, backend):
    """A proxy before `backend` that keeps idle connections of clients for a second."""
    program, [port] = tool("nginx"), free_ports(1)
    paths = "".join(f"  {kind}_temp_path {folder}/brief.{kind};\n" for kind in
                    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    config = write(folder, "brief.conf", f"""\
{"user root;" if os.getuid() == 0 else ""}
daemon off;
worker_processes 1;
pid {folder}/brief.pid;
error_log {folder}/brief.log warn;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  keepalive_timeout 1s;
{paths}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{backend}; }}
  }}
}}
""")
    return Server([program, "-p", folder, "-e", folder + "/brief.log", "-c", config], port,
                  folder + "/brief.talk")


def brief_haproxy(folder, backend):
    """The same."""
    program, [port] = tool("haproxy"), free_ports(1)
    config = write(folder, "brief.cfg", f"""\
global
  maxconn 2048
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 1s
frontend clients
  bind 127.0.0.1:{port}
  default_backend counting
backend counting
  server counting 127.0.0.1:{backend}
""")
    return Server([program, "-q", "-db", "-f", config], port, folder + "/brief.talk")


def impatient(folder, *words):
    """The origin of `make race`, which counts what it executes. Its `ledger` is there at the end."""
    [port] = free_ports(1)
    ledger = os.path.join(folder, f"ledger{port}")
    program = os.path.join(RACE, "impatient.py")
    started = Server([tool("python3"), "-B", program, str(port), ledger, *map(str, words)], port,
                     folder + "/impatient.talk")
    started.ledger = ledger
    return started


def python(folder, site):
    """http.server: HTTP/1.0, one request a connection."""
    [port] = free_ports(1)
    return Server([tool("python3"), "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1",
                   "--directory", site], port, folder + "/python.talk")
