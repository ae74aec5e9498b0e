"""Ocellus's camera server and its Python peer in turn, under the same sender: 720p JPEG frames over TCP.

usage: camera_side_by_side.py [--rounds 2] [--seconds 60] [--fps 50] [--record] [--annotate] [--only ocellus]

Each round runs the peer and then Ocellus, each alone, under a sender that pushes the same pictures at the same pace from
a process of its own. CPU and memory are those of the server alone, from one second after the first frame to the last
one. For both it is checked that every frame that was sent is accounted for. With --record both write each frame as a
JPEG, and with --annotate one with drawings beside it; without, both decode each frame and write none. Prints a line a
round, the ratios of the medians, and one line of JSON.
"""

import argparse
import contextlib
import json
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from multiprocessing import Process

import cv2
import numpy

from measure import cpu_s, free_port, listens, memory_mib, wait_until

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = """
[device]
name = "bench"
state_dir = "{folder}/state"
[web]
bind = "127.0.0.1:{web}"
[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"
telemetry_every_ms = 500
[[camera]]
name = "lab"
source = "tcp://127.0.0.1:{port}"
framing = "length32"
ring_slots = 16
{record}
[recorder]
max_mib = 100000
reserve_mib = 64
"""
# The keys with which Ocellus records each frame as the peer does.
RECORD = 'record = {{ as = "jpeg", layer = "{layer}", sidecar = {sidecar} }}'
# What a frame becomes of which the ring takes no notice, by figure of telemetry.
LOST = ("discarded", "damaged", "skipped_before_decoding", "queue_dropped")
# Why the recorder has no file of a frame that the ring took.
MISSED = "recorder_missed"


def pictures(count: int = 25) -> list[bytes]:
    """A moving square on a textured background, 1280x720, as a camera would send it."""
    noise = numpy.random.default_rng(7).integers(0, 40, (720, 1280, 3), numpy.uint8)
    ground = cv2.GaussianBlur(noise, (0, 0), 3) + numpy.linspace(30, 160, 1280, dtype=numpy.uint8)[None, :, None]
    frames = []
    for n in range(count):
        frame = ground.copy()
        cv2.rectangle(frame, (40 * n, 200), (40 * n + 200, 500), (40, 200, 240), -1)
        frames.append(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return frames


def send(port: int, frames: list[bytes], fps: float, count: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as camera:
        due = time.monotonic()
        for n in range(count):
            jpeg = frames[n % len(frames)]
            camera.sendall(struct.pack(">I", len(jpeg)) + jpeg)
            due += 1 / fps
            time.sleep(max(0, due - time.monotonic()))


def under_load(pid: int, port: int, frames: list[bytes], args) -> dict:
    """CPU and memory of process `pid` while the sender sends."""
    count = int(args.seconds * args.fps)
    sender = Process(target=send, args=(port, frames, args.fps, count))
    sender.start()
    time.sleep(1)
    cpu, began, memory = cpu_s(pid), time.monotonic(), []
    while sender.is_alive():
        memory.append(memory_mib(pid, "Rss"))
        sender.join(1)
    seconds = time.monotonic() - began
    return {
        "sent": count,
        "cpu_percent": 100 * (cpu_s(pid) - cpu) / seconds,
        "rss_mib": max(memory),
        "rss_growth_mib": memory[-1] - memory[min(10, len(memory) - 1)],
    }


def run_peer(args, frames: list[bytes]) -> dict:
    port = free_port()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        command = [sys.executable, str(HERE / "camera_peer.py"), "--port", str(port), "--folder", folder]
        command += ["--record"] * args.record + ["--annotate"] * args.annotate
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:
            wait_until(lambda: listens(port), "the peer's port")
            result = under_load(process.pid, port, frames, args)
            # Whatever still waits in its queue is processed first.
            answer, _ = process.communicate("\n")
    counted = json.loads(answer)
    result["accounted"] = counted["processed"] + counted["dropped"]
    return {**result, "recorded": counted["recorded"], "dropped": counted["dropped"]}


def figures(web: int) -> dict[str, float]:
    """The camera's counters, as Prometheus would read them."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=5).read().decode()
    lines = re.findall(r'^ocellus_camera_(\w+)_total\{camera="lab"\} ([\d.e+]+)$', text, re.M)
    return {name: float(value) for name, value in lines}


def run_ocellus(args, frames: list[bytes]) -> dict:
    port, web, mqtt = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        config = pathlib.Path(folder, "ocellus.toml")
        layer, sidecar = "both" if args.annotate else "raw", "true" if args.sidecar else "false"
        record = RECORD.format(layer=layer, sidecar=sidecar) if args.record else ""
        config.write_text(CONFIG.format(folder=folder, port=port, web=web, mqtt=mqtt, record=record))
        log = open(pathlib.Path(folder, "log"), "w")
        with subprocess.Popen([args.program, "run", "--config", str(config)], stderr=log, stdout=log) as process:
            try:
                wait_until(lambda: listens(port) and listens(web), "Ocellus")
                result = under_load(process.pid, port, frames, args)
                counted = settled(args, web, result["sent"])
            finally:
                process.terminate()
    lost = sum(counted.get(name, 0) for name in LOST)
    missed = sum(value for name, value in counted.items() if name.startswith(MISSED))
    # Of what the ring took, the recorder has recorded or missed each frame.
    taken = counted.get("recorded", 0) + missed if args.record else counted["frames"]
    return {
        **result,
        "accounted": int(taken + lost),
        "recorded": int(counted.get("recorded", 0)),
        "dropped": int(lost + missed),
        "counted": counted,
    }


def settled(args, web: int, sent: int) -> dict[str, float]:
    """The counters once they no longer change: telemetry is a little behind, and so is the disk."""
    before, counted = {}, {"received": -1}
    deadline = time.monotonic() + 20
    while (before != counted or counted.get("received") != sent) and time.monotonic() < deadline:
        time.sleep(1)
        before = counted
        with contextlib.suppress(OSError):
            counted = figures(web)
    return counted


SERVICES = {"peer": run_peer, "ocellus": run_ocellus}
COLUMNS = ["sent", "accounted", "recorded", "dropped", "cpu_percent", "rss_mib", "rss_growth_mib"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--fps", type=float, default=50)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--annotate", action="store_true", help="only with --record: the peer draws a frame, Ocellus findings")
    parser.add_argument("--sidecar", action="store_true", help="only with --record: Ocellus writes a JSON file beside each picture")
    parser.add_argument("--only", choices=list(SERVICES))
    parser.add_argument("--program", default=str(HERE.parents[1] / "target/release/ocellus"))
    parser.add_argument("--folder", help="where both write; by default the system's folder for temporary files")
    args = parser.parse_args()
    services = {name: run for name, run in SERVICES.items() if args.only in (None, name)}
    frames, results = pictures(), {name: [] for name in services}
    print(f"{sum(map(len, frames)) // len(frames) // 1024} KiB a picture, {args.fps:.0f} a second, {args.seconds:.0f} s")
    print(f"{'':10}" + "".join(f"{column:>16}" for column in COLUMNS))
    for _ in range(args.rounds):
        for name, run in services.items():
            result = run(args, frames)
            if result["accounted"] != result["sent"]:
                print(f"{name}: {result['sent']} frames were sent and {result['accounted']} are accounted for")
            results[name].append(result)
            print(f"{name:10}" + "".join(f"{result[column]:>16.1f}" for column in COLUMNS), flush=True)
    medians = {
        name: {column: statistics.median(run[column] for run in runs) for column in COLUMNS}
        for name, runs in results.items()
    }
    ratios = {}
    if len(medians) == len(SERVICES):
        ratios = {what: medians["peer"][what] / medians["ocellus"][what] for what in ("cpu_percent", "rss_mib")}
        print(f"the peer needs {ratios['cpu_percent']:.1f} times the CPU and {ratios['rss_mib']:.1f} times the memory")
    print(json.dumps({"medians": medians, "ratios": ratios, "recorded": args.record}))


if __name__ == "__main__":
    main()
