#!/usr/bin/env python3
"""From the start of the process to a service that is ready, and its memory: the profile for a laboratory, with all of its parts.

    benches/start.py [target/release/ocellus] [--starts 11] [--seconds 15]

Each start has an empty state directory. It is timed from the start of the process until the service reports READY=1 as
systemd would see it, until the camera's port and its command port answer, and until REST answers about telemetry and about
commands; "all" is the last of these. After the last start the simulated instrument sends pictures and writes files for
--seconds, and the most memory meanwhile is printed. Standard library only; no broker is needed, and none is there.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benches/peers"))
from measure import child, free_port, memory_mib  # noqa: E402

PARTS = ["ready", "camera", "camera commands", "telemetry", "commands"]
LIMIT_S = 30
PAUSE_S = 0.001


class Box:
    """A copy of the profile with ports of its own, and its state."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.web = folder, free_port()
        text = (ROOT / "config/lab.toml").read_text()
        self.ports = {usual: free_port() for usual in ("5558", "5559", "5560")}
        for usual, port in self.ports.items():
            text = text.replace(usual, str(port))
        text += f'\n[web]\nbind = "127.0.0.1:{self.web}"\n[mqtt]\nurl = "mqtt://127.0.0.1:{free_port()}"\n'
        self.config = folder / "lab.toml"
        self.config.write_text(text)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.setblocking(False)
        self.notified.bind(str(folder / "notify"))

    def command(self, program: str, *words: str) -> list[str]:
        return [program, *words, "--config", str(self.config), "--state-dir", str(self.folder / "state")]

    def is_there(self, part: str) -> bool:
        match part:
            case "ready":
                try:
                    return b"READY=1" in self.notified.recv(4096)
                except BlockingIOError:
                    return False
            case "camera":
                return self.answers(self.ports["5558"])
            case "camera commands":
                return self.answers(self.ports["5559"], b"PING\n", b"PONG")
            case "telemetry":
                return self.has_page("intake")
            case _:
                return self.has_page("commands")

    def answers(self, port: int, line: bytes = b"", answer: bytes = b"") -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as stream:
                stream.sendall(line)
                return not answer or stream.recv(64).startswith(answer)
        except OSError:
            return False

    def has_page(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/api/v1/{path}", timeout=2) as answer:
                return bool(json.load(answer))
        except OSError:
            return False


def start(program: str, seconds: float) -> dict[str, float]:
    """One start: milliseconds for each part, and mebibytes; with `seconds` also those under load."""
    with tempfile.TemporaryDirectory() as folder:
        box = Box(pathlib.Path(folder))
        environment = {**os.environ, "NOTIFY_SOCKET": str(box.folder / "notify")}
        log = open(box.folder / "log", "w")
        began = time.monotonic()
        process = subprocess.Popen(box.command(program, "run"), env=environment, stderr=log, stdout=log)
        try:
            result: dict[str, float] = {}
            while waiting := [part for part in PARTS if part not in result]:
                for part in waiting:
                    if box.is_there(part):
                        result[part] = (time.monotonic() - began) * 1e3
                if time.monotonic() - began > LIMIT_S or process.poll() is not None:
                    raise SystemExit(f"not there: {', '.join(waiting)}\n{(box.folder / 'log').read_text()[-2000:]}")
                time.sleep(PAUSE_S)
            result["all"] = max(result.values())
            result["rss_mib"] = memory_mib(process.pid, "Rss")
            if seconds:
                result["rss_loaded_mib"] = under_load(box, program, process.pid, seconds)
            return result
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT_S)


def under_load(box: Box, program: str, pid: int, seconds: float) -> float:
    """The most memory while the simulated instrument sends and writes."""
    command = box.command(program, "simulate", "instrument")
    with child(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        memory, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            memory.append(memory_mib(pid, "Rss"))
        return max(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default=str(ROOT / "target/release/ocellus"))
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=15)
    args = parser.parse_args()
    results = [start(args.program, args.seconds if at == args.starts - 1 else 0) for at in range(args.starts)]
    print(f"{args.starts} starts of {args.program}: median, smallest and largest")
    for key in [*PARTS, "all", "rss_mib"]:
        values = [result[key] for result in results]
        unit = "MiB" if key == "rss_mib" else "ms"
        print(f"  {key:16} {statistics.median(values):7.1f} {min(values):7.1f} {max(values):7.1f} {unit}")
    print(f"  with the simulated instrument for {args.seconds:.0f} s: {results[-1]['rss_loaded_mib']:.1f} MiB at most")


if __name__ == "__main__":
    main()
