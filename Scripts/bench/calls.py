"""System calls for each request, counted while a proxy is under load."""

import re
import shutil
import signal
import subprocess
import time

import load

# What a proxy may call on its way. Others are in the total all the same.
NAMES = (
    "epoll_wait", "epoll_pwait", "epoll_ctl", "recvfrom", "recvmsg", "read", "readv", "sendto",
    "sendmsg", "write", "writev", "sendfile", "splice", "accept4", "socket", "connect", "bind",
    "getsockopt", "setsockopt", "getsockname", "getpeername", "shutdown", "close", "futex",
    "clock_gettime", "gettimeofday", "ioctl", "fcntl", "mmap", "munmap", "madvise", "brk",
)
TOTAL = "raw_syscalls:sys_enter"


def tool():
    """`perf` counts without slowing the proxy down; `strace` stops it at each call; or None."""
    if shutil.which("perf"):
        probe = subprocess.run(["perf", "stat", "-x,", "-e", TOTAL, "true"], capture_output=True,
                               text=True)
        if probe.returncode == 0 and re.search(r"^\d+,", probe.stderr, re.MULTILINE):
            return "perf"
    return "strace" if shutil.which("strace") else None


def command(counter, pid, output):
    if counter == "strace":
        return ["strace", "-c", "-f", "-q", "-p", str(pid), "-o", str(output)]
    listed = subprocess.run(["perf", "list", "--no-desc", "tracepoint"], capture_output=True,
                            text=True, stdin=subprocess.DEVNULL).stdout
    known = set(re.findall(r"syscalls:sys_enter_(\w+)", listed))
    events = [TOTAL, *(f"syscalls:sys_enter_{name}" for name in NAMES if name in known)]
    return ["perf", "stat", "-x,", "-e", ",".join(events), "-p", str(pid), "-o", str(output)]


def read_counts(counter, text):
    """(total, {name: count}) from what the counter wrote."""
    if counter == "perf":
        found = {event: int(count) for count, event in re.findall(
            r"^(\d+),[^,]*,([\w:]+),", text, re.MULTILINE)}
        total = found.pop(TOTAL, 0)
        return total, {event.partition("sys_enter_")[2]: count for event, count in found.items()
                       if count}
    # % time, seconds, usecs/call, calls, errors (may be empty), name
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", text, re.MULTILINE)
    counts = {name: int(count) for count, name in rows if name != "total"}
    return sum(counts.values()), counts


def attached(counter, process, pid):
    """Waits until the counter watches. perf has no sign for it; strace's is in /proc."""
    until = time.monotonic() + (10 if counter == "strace" else 1.5)
    while time.monotonic() < until and process.poll() is None:
        if counter == "strace" and "TracerPid:\t0\n" not in open(f"/proc/{pid}/status").read():
            return
        time.sleep(0.05)


def count(proxy, scenario, seconds, core, work):
    """Counts calls of a proxy over some seconds of load."""
    counter = tool()
    output = work / "calls"
    output.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command(counter, proxy.worker, output)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        attached(counter, process, proxy.worker)
        result = load.drive(scenario, proxy, seconds, core, work)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    total, counts = read_counts(counter, output.read_text() if output.exists() else "")
    if total == 0 or result["errors"]:
        return {"error": f"{counter}: {talk.strip()[-200:]} {result['errors'] or ''}".strip()}
    return {"requests": result["requests"], "total": total, "counts": counts}
