"""The processes of the benchmark: the origin, and each proxy with its configuration."""

import http.client
import os
import resource
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

# Names as the results file spells them, in the order of the page; nginx is what others are
# divided by.
NAMES = ("nginx", "haproxy", "bowline", "bowline-json")

# The same for tunnels. nginx knows no CONNECT; HAProxy neither, but it relays TCP to the origin.
TUNNEL_NAMES = ("squid", "haproxy-tcp", "bowline-forward")

# With two workers, threads or loops, on two cores that they share with the load and the origin.
TWO_LOOPS_NAMES = ("nginx-two", "haproxy-two", "bowline-two")

# Idle clients that memory is measured with. A proxy may need two descriptors for each.
IDLE_CLIENTS = 9000
DESCRIPTORS = 20000

# Limits that no scenario reaches, the same for all: seconds, and requests on one connection.
IDLE_SECONDS = 75
ENDLESS = 100_000_000


class StartFailed(Exception):
    """A process did not start; the text is the end of what it printed."""


def cores():
    """(core of the load and the origin, core of the proxies), among those we may use."""
    return sorted(os.sched_getaffinity(0))[:2]


def raise_descriptor_limit():
    """To DESCRIPTORS or as near as we may, for us and all we start. Returns the new limit.

    Not to the hard limit: a container's is often a billion, and a proxy that sizes a table by it
    would be measured with the table.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def idle_clients():
    """How many idle clients fit into the descriptor limit, beside what proxies set apart."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(IDLE_CLIENTS, (limit - 2000) // 2)


def free_ports(count):
    """Ports that nobody listens on now, held together so that they differ."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Process:
    """One process on one core, ended by its id. It is ready when a GET of `/` gives 200 bytes."""

    # What a CONNECT to this process names; nothing when requests need none.
    authority = None

    def __init__(self, name, core, command, port, work, output=None):
        self.name, self.port, self.command = name, port, command
        self.log = work / f"{name}.out"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=output or log, stderr=log)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def for_scenario(self, scenario):
        return self.url(scenario.path)

    def ask(self, request, timeout):
        """Sends one request and gives the length of the body that answers it."""
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return len(answer.read())

    def wait_until_ready(self):
        until = time.monotonic() + 5
        while True:
            try:
                if self.ask(urllib.request.Request(self.url()), 2) == 200:
                    return
                problem = "its answer is not the origin's"
            except (OSError, http.client.HTTPException) as error:
                problem = str(error)
            if self.process.poll() is not None:
                problem = f"it ended with status {self.process.returncode}"
                break
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        lines = self.log.read_text(errors="replace").strip().splitlines()[-4:]
        raise StartFailed("\n".join([problem, *lines]))

    @property
    def workers(self):
        """The processes that do the work: the process itself, but nginx's workers."""
        if (status := self.process.poll()) is not None:
            raise RuntimeError(f"{self.name} ended with status {status}")
        return [self.process.pid]

    @property
    def worker(self):
        """The only one of them."""
        worker, = self.workers
        return worker

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def parent(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


class Nginx(Process):
    """`large_port` leads to a server whose buffers suit bodies of 60 kB and more."""

    def __init__(self, port, origin_port, core, work, large_port=None, name="nginx", loops=1):
        self.loops = loops
        self.large_port = large_port or free_ports(1)[0]
        configuration = work / f"{name}.conf"
        # A directory that only its owner may enter: root's worker has to stay root.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(NGINX.format(
            user=user, work=work, name=name, loops=loops, port=port,
            large_port=self.large_port, origin_port=origin_port,
            connections=IDLE_CLIENTS + 1240, idle=IDLE_SECONDS, endless=ENDLESS))
        super().__init__(name, core, ["nginx", "-e", work / f"{name}.log", "-c", configuration],
                         port, work)

    @property
    def workers(self):
        master, = super().workers
        children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()
                    and parent(path) == master]
        if len(children) != self.loops:
            raise RuntimeError(f"nginx has {len(children)} workers")
        return children

    def for_scenario(self, scenario):
        port = self.large_port if scenario.large else self.port
        return f"http://127.0.0.1:{port}{scenario.path}"


class HAProxy(Process):
    def __init__(self, name, template, port, origin_port, core, work, loops=1):
        configuration = work / f"{name}.cfg"
        configuration.write_text(template.format(
            loops=loops, port=port, origin_port=origin_port, connections=idle_clients() + 300,
            idle=IDLE_SECONDS))
        super().__init__(name, core, ["haproxy", "-q", "-db", "-f", configuration], port, work)


class Bowline(Process):
    def __init__(self, port, origin_port, core, work, binary, name="bowline", log="off", loops=1):
        command = [
            binary, "proxy", "--listen", f"127.0.0.1:{port}", "--to",
            f"http://127.0.0.1:{origin_port}", "--loops", loops, "--log", log,
            "--set", f"client.idle-timeout={IDLE_SECONDS}s"]
        super().__init__(name, core, command, port, work, subprocess.DEVNULL)


class TunnelProxy(Process):
    """A forward proxy. Every request goes to the origin through a tunnel of its own."""

    def __init__(self, name, core, command, port, origin_port, work):
        self.authority = f"127.0.0.1:{origin_port}"
        super().__init__(name, core, command, port, work)

    def ask(self, request, timeout):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        client.set_tunnel(self.authority)
        try:
            client.request("GET", request.selector)
            return len(client.getresponse().read())
        finally:
            client.close()


class Squid(TunnelProxy):
    """One process without a cache. As root it becomes `proxy` by itself, so it is given no file."""

    def __init__(self, port, origin_port, core, work):
        configuration = work / "squid.conf"
        configuration.write_text(SQUID.format(
            port=port, origin_port=origin_port,
            descriptors=resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        super().__init__("squid", core, ["squid", "-N", "-d", 0, "-f", configuration], port,
                         origin_port, work)


class BowlineForward(TunnelProxy):
    def __init__(self, port, origin_port, core, work, binary):
        command = [
            binary, "proxy", "--mode", "forward", "--listen", f"127.0.0.1:{port}",
            "--allow", f"127.0.0.0/8:{origin_port}", "--loops", 1, "--log", "off"]
        super().__init__("bowline-forward", core, command, port, origin_port, work)


def compile_program(source, work):
    """The program of a C file, named as the file is."""
    program = work / source.stem
    built = subprocess.run(["cc", "-O2", "-o", program, source], capture_output=True, text=True)
    if built.returncode != 0:
        raise StartFailed("cc: " + built.stderr[-500:])
    return program


def start_origin(source, work, core):
    """Builds the origin and starts it."""
    port, = free_ports(1)
    return Process("origin", core, [compile_program(source, work), port], port, work)


def start(name, origin_port, core, work, binary):
    port, = free_ports(1)
    match name:
        case "nginx":
            return Nginx(port, origin_port, core, work)
        case "haproxy":
            return HAProxy(name, HAPROXY, port, origin_port, core, work)
        case "bowline":
            return Bowline(port, origin_port, core, work, binary)
        case "bowline-json":
            return Bowline(port, origin_port, core, work, binary, name, log="json")
        case "nginx-two":
            return Nginx(port, origin_port, core, work, name=name, loops=2)
        case "haproxy-two":
            return HAProxy(name, HAPROXY, port, origin_port, core, work, loops=2)
        case "bowline-two":
            return Bowline(port, origin_port, core, work, binary, name, loops=2)
        case "squid":
            return Squid(port, origin_port, core, work)
        case "haproxy-tcp":
            return HAProxy(name, HAPROXY_TCP, port, origin_port, core, work)
        case "bowline-forward":
            return BowlineForward(port, origin_port, core, work, binary)


NGINX = """\
{user}
daemon off;
worker_processes {loops};
pid {work}/{name}.pid;
error_log {work}/{name}.log warn;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  keepalive_timeout {idle}s;
  keepalive_requests {endless};
  client_max_body_size 0;
  upstream origin {{
    server 127.0.0.1:{origin_port};
    keepalive 512;
    keepalive_requests {endless};
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  # Request bodies go on as they come, as they do in Bowline and HAProxy.
  proxy_request_buffering off;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://origin; }}
  }}
  server {{
    listen 127.0.0.1:{large_port} backlog=4096;
    proxy_buffer_size 64k;
    proxy_buffers 8 64k;
    # Nothing is put aside on disk when a client is slow.
    proxy_max_temp_file_size 0;
    location / {{ proxy_pass http://origin; }}
  }}
}}
"""

HAPROXY = """\
global
  nbthread {loops}
  maxconn {connections}
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive {idle}s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin_port}
"""

# No CONNECT: every connection is relayed to the origin, as a tunnel is once it is open.
HAPROXY_TCP = """\
global
  nbthread {loops}
  maxconn {connections}
defaults
  mode tcp
  timeout connect 10s
  timeout client {idle}s
  timeout server {idle}s
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin_port}
"""

SQUID = """\
http_port 127.0.0.1:{port}
acl origin_port port {origin_port}
http_access allow all origin_port
http_access deny all
workers 1
max_filedescriptors {descriptors}
cache deny all
cache_mem 0 MB
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
coredump_dir none
pinger_enable off
visible_hostname bench
shutdown_lifetime 0 seconds
"""
