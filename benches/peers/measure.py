"""Measures, from outside, any service that publishes a message a frame: the peer and Ocellus by the same rule.

usage: measure.py --topic 'peer/detections' -- python threads.py --port {port} ...

Starts a broker on a free port ({port} in the command stands for it), subscribes with mosquitto_sub, runs the command
to its end, and prints one line of JSON: messages, frames/s, CPU per frame and memory from the first message on,
the time from start to the first message, and the latency from the payload's `time` (RFC 3339 in UTC: when the decoded
frame was handed over) to the subscriber's callback.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time
from datetime import datetime

TICK = os.sysconf("SC_CLK_TCK")


def wait_until(done, what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"measure: {what} took longer than {seconds:.0f} s")
        time.sleep(0.005)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def child(*args, **kwargs):
    process = subprocess.Popen(*args, **kwargs)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def cpu_s(pid: int) -> float:
    """User and system time so far, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mib(pid: int, key: str) -> float:
    """A line of smaps_rollup: `Pss` (shared pages by share) or `Rss`."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    return float("nan")


def watch(process: subprocess.Popen, received: pathlib.Path, seconds: float) -> dict:
    """Runs along with the process; its CPU at the first message and at the end, its memory now and then."""
    wait_until(lambda: b"{" in received.read_bytes() or process.poll() is not None, "the first message", 60)
    if process.poll() is not None:
        raise SystemExit(f"measure: the command ended with {process.returncode} before its first message")
    warm, memory = cpu_s(process.pid), []
    end, sample = time.monotonic() + seconds, time.monotonic() + 1
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > end:
            raise SystemExit(f"measure: the command still runs after {seconds:.0f} s")
        if time.monotonic() > sample:
            # Rarely: reading it stops the process for a moment, which must stay well under one frame in a hundred.
            with contextlib.suppress(OSError):
                memory.append((memory_mib(process.pid, "Pss"), memory_mib(process.pid, "Rss")))
            sample = time.monotonic() + 8
        time.sleep(0.02)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"measure: the command ended with {process.returncode}")
    return {"cpu_s": usage.ru_utime + usage.ru_stime - warm, "memory": [m for m in memory if m[0] > 0]}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def measure(topic: str, command: list[str], seconds: float = 120, port: int = 0) -> dict:
    """Runs `command` to its end beside a broker of its own; see the module's text."""
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config, received, log = (pathlib.Path(folder, name) for name in ("mosquitto.conf", "received", "log"))
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            "set_tcp_nodelay true\nlog_type error\n"
        )
        broker = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        stack.enter_context(child(["mosquitto", "-c", str(config)], env=broker))
        wait_until(lambda: listens(port), "the broker")
        # mosquitto_sub stamps each message in its callback and costs next to no CPU; a subscriber in Python would
        # be measured along with the service.
        output = stack.enter_context(received.open("wb"))
        subscriber = ["stdbuf", "-oL", "mosquitto_sub", "-p", str(port), "-q", "1", "-t", topic, "-F", "%U %p"]
        stack.enter_context(child(subscriber, stdout=output))
        ready = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", topic, "-m", "ready"]
        wait_until(lambda: subprocess.run(ready, check=True) and received.stat().st_size, "the subscription")

        started = time.time()
        command = [word.replace("{port}", str(port)) for word in command]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stack.enter_context(log.open("wb")))
        stack.callback(process.kill)
        try:
            seen = watch(process, received, seconds)
        except SystemExit as fault:
            raise SystemExit(f"{fault}; its last words:\n{log.read_text()[-2000:]}") from None
        return figures(received.read_text().splitlines(), started, seen)


def figures(lines: list[str], started: float, seen: dict) -> dict:
    arrivals, latencies = [], []
    for line in lines:
        arrived, payload = line.split(" ", 1)
        if not payload.startswith("{"):
            continue
        arrivals.append(float(arrived))
        latencies.append((float(arrived) - datetime.fromisoformat(json.loads(payload)["time"]).timestamp()) * 1e3)
    count = len(arrivals)
    steady = sorted(latencies[count // 10 :])  # the first tenth is start-up
    at = lambda share: round(steady[min(len(steady) - 1, int(share * len(steady)))], 2)  # noqa: E731
    pss, rss = zip(*seen["memory"]) if seen["memory"] else ((float("nan"),), (float("nan"),))
    return {
        "messages": count,
        "fps": round((count - 1) / (arrivals[-1] - arrivals[0]), 1),
        "cpu_ms_per_frame": round(seen["cpu_s"] * 1e3 / (count - 1), 2),
        "pss_mib": round(statistics.median(pss), 1),
        "rss_mib": round(statistics.median(rss), 1),
        "first_message_ms": round((arrivals[0] - started) * 1e3),
        "latency_ms": {"p50": at(0.50), "p95": at(0.95), "p99": at(0.99), "max": round(steady[-1], 2)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--limit-s", type=float, default=120, help="give up after this long")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    print(json.dumps(measure(args.topic, args.command, args.limit_s)))


if __name__ == "__main__":
    main()
