#!/usr/bin/env python3
"""Telemetry from files by the whole process: CPU, and the time from the renaming of a file to the server-sent event.

    benches/intake.py target/release/ocellus [--seconds 30] [--many 100000] [--watch poll]

100 files a second are renamed into 20 folders. Each has one line; its value is the number of the file, so that the event that
brings it is found. Three runs: one listener; fifty; fifty of which one does not read. With --many, a fourth: so many files in
one folder, until all are read, and then ten more. --watch says how changes are found. Standard library only.
"""

import argparse
import json
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benches/peers"))
from measure import cpu_s, memory_mib  # noqa: E402

FOLDERS, RATE, SETTLE_MS = 20, 100, 100


def config(home: pathlib.Path, watch: str) -> pathlib.Path:
    sources = "".join(
        f'[[intake]]\nname = "s{at}"\nfolder = "{home}/data/s{at}"\nsettle_ms = {SETTLE_MS}\nwatch = "{watch}"\n'
        f'stale_after_ms = 600000\n'
        for at in range(FOLDERS)
    )
    text = (
        f'[device]\nname = "bench"\nstate_dir = "{home}/state"\n[mqtt]\nurl = "mqtt://127.0.0.1:1"\n[runtime]\nkind = "stub"\n'
        f'[web]\nbind = "127.0.0.1:0"\n[[camera]]\nname = "a"\nsource = "scene:?fps=1&width=64&height=64"\n{sources}'
    )
    for at in range(FOLDERS):
        (home / f"data/s{at}").mkdir(parents=True)
    (home / "ocellus.toml").write_text(text)
    return home / "ocellus.toml"


def listen(port: int, small: bool = False) -> socket.socket:
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(b"GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    return sock


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def run(program: str, watch: str, seconds: int, listeners: int, stalled: int) -> dict:
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        log = open(home / "log", "w+")
        process = subprocess.Popen([program, "run", "--config", config(home, watch)], stderr=log, stdout=subprocess.DEVNULL)
        try:
            return measured(process, home, seconds, listeners, stalled)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def page_port(home: pathlib.Path) -> int:
    while True:
        found = re.search(r"the page is at http://127\.0\.0\.1:(\d+)", (home / "log").read_text())
        if found:
            return int(found.group(1))
        time.sleep(0.05)


def measured(process, home, seconds, listeners, stalled) -> dict:
    port = page_port(home)
    time.sleep(2)
    idle_from, idle_at = cpu_s(process.pid), time.monotonic()
    time.sleep(3)
    idle = (cpu_s(process.pid) - idle_from) / (time.monotonic() - idle_at)
    selector = selectors.DefaultSelector()
    first = listen(port)
    first.setblocking(False)
    selector.register(first, selectors.EVENT_READ, True)
    for _ in range(listeners - 1 - stalled):
        sock = listen(port)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, False)
    idlers = [listen(port, small=True) for _ in range(stalled)]
    sent, seen, rest = {}, {}, b""
    begun, cpu_from, number = time.monotonic(), cpu_s(process.pid), 0
    while time.monotonic() - begun < seconds + 2:
        now = time.monotonic() - begun
        while number < min(now, seconds) * RATE:
            number += 1
            aside = home / f"data/.{number}"
            aside.write_text(f"t,v\n{time.time():.6f},{number}\n")
            sent[number] = time.monotonic()
            aside.rename(home / f"data/s{number % FOLDERS}/{number}.csv")
        for key, _ in selector.select(0.002):
            try:
                data = key.fileobj.recv(1 << 16)
            except BlockingIOError:
                continue
            if not key.data:
                continue
            at = time.monotonic()
            rest += data
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if not line.startswith(b"data: {\"topic\":\"intake/"):
                    continue
                for channel in json.loads(line[6:])["channels"]:
                    # A message has the newest value; older ones of the same message came with it.
                    newest = int(channel["value"])
                    for value in range(newest, newest - channel["count"] * FOLDERS, -FOLDERS):
                        seen.setdefault(value, at)
    cpu = (cpu_s(process.pid) - cpu_from) / (time.monotonic() - begun)
    late = [(seen[value] - sent[value]) * 1000 for value in sent if value in seen]
    for sock in idlers:
        sock.close()
    return {
        "listeners": listeners, "stalled": stalled, "files": number, "seen": len(late), "idle_cpu_percent": 100 * idle,
        "cpu_percent": 100 * cpu, "p50_ms": quantile(late, 0.5), "p99_ms": quantile(late, 0.99), "max_ms": max(late, default=0),
        "rss_mib": memory_mib(process.pid, "Rss"),
    }


def points(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/intake", timeout=30) as answer:
        return sum(source["points"] for source in json.load(answer)["sources"])


def many(program: str, watch: str, files: int) -> dict:
    """So many files in one folder: until all are read, what the folder costs then, and how soon one more is read."""
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        config(home, watch)
        text = (home / "ocellus.toml").read_text()
        text += f'[[intake]]\nname = "many"\nfolder = "{home}/many"\nmax_files = {files + 1000}\nwatch = "{watch}"\n'
        text += "stale_after_ms = 600000\n"
        (home / "ocellus.toml").write_text(text)
        (home / "many").mkdir()
        for number in range(files):
            (home / f"many/{number}.csv").write_text(f"t,v\n{time.time():.6f},{number}\n")
        log, begun = open(home / "log", "w+"), time.monotonic()
        process = subprocess.Popen([program, "run", "--config", home / "ocellus.toml"], stderr=log, stdout=subprocess.DEVNULL)
        try:
            port = page_port(home)
            while points(port) < files:
                time.sleep(0.2)
            took, cpu_read = time.monotonic() - begun, cpu_s(process.pid)
            time.sleep(5)
            cpu_from, at = cpu_s(process.pid), time.monotonic()
            time.sleep(10)
            idle = (cpu_s(process.pid) - cpu_from) / (time.monotonic() - at)
            late = []
            for number in range(10):
                (home / "aside").write_text(f"t,v\n{time.time():.6f},{number}\n")
                at, before = time.monotonic(), points(port)
                (home / "aside").rename(home / f"many/more-{number}.csv")
                while points(port) == before:
                    time.sleep(0.01)
                late.append((time.monotonic() - at) * 1000)
            return {
                "files": files, "read_s": took, "read_cpu_s": cpu_read, "points": points(port), "idle_cpu_percent": 100 * idle,
                "one_more_p50_ms": quantile(late, 0.5), "one_more_max_ms": max(late), "rss_mib": memory_mib(process.pid, "Rss"),
            }
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def show(result: dict) -> None:
    print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in result.items()}), flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("program")
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--many", type=int, metavar="FILES", help="so many files in one folder, e.g. 100000")
    arguments.add_argument("--watch", choices=["auto", "poll", "notify"], default="auto", help="how changes are found")
    given = arguments.parse_args()
    print(f"settle {SETTLE_MS} ms; rename to event, limit {SETTLE_MS + 200} ms", file=sys.stderr)
    for listeners, stalled in [(1, 0), (50, 0), (50, 1)]:
        show(run(given.program, given.watch, given.seconds, listeners, stalled))
    if given.many:
        show(many(given.program, given.watch, given.many))


if __name__ == "__main__":
    main()
