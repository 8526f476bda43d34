"""Origins of other makers behind the reverse proxy."""

from curl import curl
from scenario import exchanges, holds, reasons, same, scenario
from stage import BIG, LARGE, proxy


def files(stage, origin, tags=True, ranges=True):
    """What every origin can do with files: the same through us as without us."""
    with proxy(origin.port) as bowline:
        at, direct = f"http://127.0.0.1:{bowline.port}", f"http://127.0.0.1:{origin.port}"
        same("a small file", b"small\n", curl(at + "/small.txt").body)
        whole = curl(at + "/big.bin")
        same("1 MB", True, whole.body == stage.big)
        head = curl([at + "/big.bin"] * 2, "-I")
        same("HEAD", (200, str(BIG)), (head.status, head.field("Content-Length")))
        # A body behind it would end the connection.
        same("connections for two HEAD", [1, 0], head.connects)
        date = whole.field("Last-Modified")
        since = curl(at + "/big.bin", "-H", f"If-Modified-Since: {date}")
        same("since its date", 304, since.status)
        part = curl(at + "/big.bin", "-r", "1000-1999")
        if ranges:
            same("a range", (206, f"bytes 1000-1999/{BIG}", stage.big[1000:2000]),
                 (part.status, part.field("Content-Range"), part.body))
        else:
            same("a range of who knows none", (200, True), (part.status, part.body == stage.big))
        if tags:
            tag = whole.field("ETag")
            same("of its tag", 304, curl(at + "/big.bin", "-H", f"If-None-Match: {tag}").status)
        for path, status in [("/none", 404), ("/list/", 200)]:
            ours, theirs = curl(at + path), curl(direct + path)
            same(path, (status, theirs.body), (ours.status, ours.body))
        same("end reasons", ["us.complete"], reasons(exchanges(bowline, 8)))
    found = ["1 MB alike", "HEAD", "304 by date" + (" and tag" if tags else "")]
    found.append("206" if ranges else "a range asked for: 200")
    return ", ".join([*found, "its own 404 and index"])


def connections(port, path, count=5):
    """How many connections served `count` requests: the client's, and those to the origin."""
    with proxy(port) as bowline:
        url = f"http://127.0.0.1:{bowline.port}{path}"
        made = curl([url] * count)
        same("status", [200] * count, made.statuses)
        lines = exchanges(bowline, count)
        return sum(made.connects), len({one["upstream.connection.id"] for one in lines})


def kept(origin, *closing):
    same("connections", (1, 1), connections(origin.port, "/small.txt"))
    same("connections where it closes each", (1, 5), connections(*closing))
    return "5 requests on 1 connection; on 5 where it closes each, and the client keeps its own"


def chunked(stage, origin, path, *fields):
    """A body without a length: chunked for HTTP/1.1, to the end of the connection for HTTP/1.0."""
    with proxy(origin.port) as bowline:
        at, direct = (f"http://127.0.0.1:{port}{path}" for port in [bowline.port, origin.port])
        theirs, ours, old = curl(direct, *fields), curl(at, *fields), curl(at, "-0", *fields)
        same("coding of the origin", "chunked", theirs.field("Transfer-Encoding"))
        same("coding", "chunked", ours.field("Transfer-Encoding"))
        same("body", True, ours.body == theirs.body and len(ours.body) > 0)
        same("for HTTP/1.0", (None, "close", True), (
            old.field("Transfer-Encoding"), old.field("Connection"), old.body == theirs.body))
        return f"{len(ours.body)} bytes chunked to HTTP/1.1, until close to HTTP/1.0"


def uploads(stage, origin):
    """PUT of 1 MB, framed in three ways; what lies there afterwards is what was sent."""
    with proxy(origin.port) as bowline:
        at = f"http://127.0.0.1:{bowline.port}/upload/"
        for name, words in [
                ("length", ["-H", "Expect:"]), ("expect", ["-H", "Expect: 100-continue"]),
                ("chunked", ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"])]:
            made = curl(f"{at}{name}-{origin.port}", "-T", stage.body_file, *words)
            same(f"PUT, {name}", 201, made.status)
            same(f"what came, {name}", True,
                 stage.uploaded(f"{name}-{origin.port}") == stage.body)
            same(f"interim answers, {name}", [100] if name == "expect" else [], made.statuses[:-1])
        lines = exchanges(bowline, 3)
        same("bytes in the log", [BIG] * 3, [one["http.request.body.size"] for one in lines])
    return "1 MB with a length, after 100 Continue, and chunked: each lies there whole"


@scenario("nginx: files")
def nginx_files(stage):
    return files(stage, stage.nginx)


@scenario("nginx: connections")
def nginx_connections(stage):
    return kept(stage.nginx, stage.nginx.port, "/closing/small.txt")


@scenario("nginx: chunked")
def nginx_chunked(stage):
    return chunked(stage, stage.nginx, "/chunked/page.shtml")


@scenario("nginx: trailer")
def nginx_trailer(stage):
    with proxy(stage.nginx.port) as bowline:
        url = f"http://127.0.0.1:{bowline.port}/trailer/small.txt"
        asked = curl(url, "-H", "TE: trailers", "-H", "Connection: TE")
        same("trailer, asked for", "42", asked.field("X-Checksum"))
        silent = curl(url)
        same("trailer, not asked for", None, silent.field("X-Checksum"))
        same("bodies", (b"small\n", b"small\n"), (asked.body, silent.body))
    return "passed on with TE: trailers, dropped without"


@scenario("nginx: uploads")
def nginx_uploads(stage):
    return uploads(stage, stage.nginx)


@scenario("nginx: POST and Via")
def nginx_post(stage):
    with proxy(stage.nginx.port, "--via", "interop") as bowline:
        at = f"http://127.0.0.1:{bowline.port}"
        made = curl(at + "/post", "--data-binary", "@" + stage.body_file, "-H", "Expect:")
        same("POST", (200, b"posted\n"), (made.status, made.body))
        seen = curl(at + "/seen").body.decode()
        same("Via at the origin", "1.1 interop", seen)
    return f"posted; it sees Via: {seen}"


@scenario("nginx: early 413")
def nginx_early(stage):
    """It answers while the upload is running, and closes then.

    What is on its way in both kernels' buffers by then is megabytes on loopback, and more than
    linger.bytes takes. The answer comes all the same: past the limit nothing more is read, and
    nothing is reset before linger.idle.
    """
    with proxy(stage.nginx.port) as bowline:
        at, direct = (f"http://127.0.0.1:{port}/upload/large"
                      for port in [bowline.port, stage.nginx.port])
        theirs = curl(direct, "-T", stage.large_file, "-H", "Expect: 100-continue")
        for name, words in [("chunked", ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"]),
                            ("length", ["-H", "Expect:"]),
                            ("expect", ["-H", "Expect: 100-continue"])]:
            ours = curl(at, "-T", stage.large_file, *words)
            same(f"the answer, {name}", (413, theirs.body), (ours.status, ours.body))
        lines = exchanges(bowline, 3)
        holds("the upload was cut short", all(
            one["http.request.body.size"] < LARGE for one in lines), lines)
    sizes = [one["http.request.body.size"] >> 10 for one in lines]
    return f"the page came whole three times, after {sizes} kB of 16 MB"


@scenario("httpd: files")
def httpd_files(stage):
    return files(stage, stage.httpd)


@scenario("httpd: connections")
def httpd_connections(stage):
    return kept(stage.httpd, stage.httpd.closing_port, "/small.txt")


@scenario("httpd: chunked")
def httpd_chunked(stage):
    return chunked(stage, stage.httpd, "/chunked/big.bin", "-H", "Accept-Encoding: gzip")


@scenario("httpd: uploads")
def httpd_uploads(stage):
    return uploads(stage, stage.httpd)


@scenario("http.server: files")
def python_files(stage):
    return files(stage, stage.python, tags=False, ranges=False)


@scenario("http.server: connections")
def python_connections(stage):
    same("connections", (1, 5), connections(stage.python.port, "/small.txt"))
    return "5 requests on 5 connections of HTTP/1.0; the client keeps its own"


@scenario("http.server: POST")
def python_post(stage):
    with proxy(stage.python.port) as bowline:
        made = curl(f"http://127.0.0.1:{bowline.port}/small.txt", "-d", "short")
        same("status", 501, made.status)
        same("version for the client", "1.1", made.version)
        [line] = exchanges(bowline, 1)
        same("end reason", "us.complete", line["end.reason"])
    return "its 501 arrives"
