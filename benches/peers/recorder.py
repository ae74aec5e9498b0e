"""Ocellus's recorder and its Python peer on the same work, in turn: JPEG frames of 720p over TCP, each written to disk.

usage: benches/peers/recorder.py --picture FILE.jpg [--ocellus target/release/ocellus] [--peer-python python3] [--fps 50]
       [--seconds 60] [--rounds 3] [--annotate] [--only ocellus]

Prints, for each round, frames sent, recorded and missed, processor time as a share of one core, and resident memory: its
maximum, and how much it grew over the second half.
"""

import argparse
import json
import pathlib
import socket
import statistics
import struct
import subprocess
import tempfile
import time
import urllib.request

from measure import cpu_s, memory_mib, wait_until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def connect(port: int) -> socket.socket:
    found = []

    def there() -> bool:
        try:
            found.append(socket.create_connection(("127.0.0.1", port)))
        except OSError:
            return False
        return True

    wait_until(there, "the receiver's start")
    return found[0]


def send(stream: socket.socket, picture: bytes, header: bytes, options, pid: int) -> dict:
    """Sends at a steady rate; returns what the receiver took meanwhile."""
    frames = options.fps * options.seconds
    memory = []
    begun, cpu = time.monotonic(), cpu_s(pid)
    for number in range(frames):
        time.sleep(max(0.0, begun + number / options.fps - time.monotonic()))
        stream.sendall(header + picture)
        if number % options.fps == 0:
            memory.append(memory_mib(pid, "Rss"))
    seconds = time.monotonic() - begun
    half = memory[len(memory) // 2 :]
    return {
        "sent": frames,
        "core_percent": round(100 * (cpu_s(pid) - cpu) / seconds, 1),
        "rss_max_mib": round(max(memory), 1),
        "rss_growth_mib": round(half[-1] - half[0], 1),
    }


def metrics(page: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def ocellus(options, picture: bytes, folder: pathlib.Path) -> dict:
    port, page = free_port(), free_port()
    layer = "both" if options.annotate else "raw"
    (folder / "ocellus.toml").write_text(
        f"""
[device]
name = "box1"
state_dir = "{folder}/state"
[mqtt]
url = "mqtt://127.0.0.1:1"
[web]
bind = "127.0.0.1:{page}"
[runtime]
kind = "stub"
[recorder]
max_mib = 100000
reserve_mib = 64
[[camera]]
name = "lab"
source = "tcp://127.0.0.1:{port}"
ring_slots = 16
record = {{ layer = "{layer}", sidecar = {"true" if options.sidecar else "false"} }}
"""
    )
    command = [options.ocellus, "run", "--config", str(folder / "ocellus.toml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            stream = connect(port)
            header = struct.pack(">4sB3xIIQI", b"OCF1", 16, 0, 0, 2**64 - 1, len(picture))
            result = send(stream, picture, header, options, process.pid)
            counted = {}

            def settled() -> bool:
                counted.update(recorder_counts(metrics(page)))
                return counted["recorded"] + counted["missed"] == result["sent"]

            wait_until(settled, "the last frame", 20)
            return result | counted
        finally:
            process.terminate()
            process.wait()


def recorder_counts(values: dict) -> dict:
    of = lambda word: sum(value for name, value in values.items() if word in name and "lab" in name)
    return {"recorded": int(of("_recorded")), "missed": int(of("recorder_missed"))}


def peer(options, picture: bytes, folder: pathlib.Path) -> dict:
    port = free_port()
    script = pathlib.Path(__file__).with_name("lab_box.py")
    command = [options.peer_python, str(script), "--port", str(port), "--dir", str(folder)]
    command += ["--annotate"] if options.annotate else []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        stream = connect(port)
        result = send(stream, picture, struct.pack(">I", len(picture)), options, process.pid)
        stream.close()
        counts = json.loads(process.stdout.readline())
        return result | {"recorded": counts["written"], "missed": counts["dropped"]}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--picture", type=pathlib.Path, required=True)
    arguments.add_argument("--ocellus", default="target/release/ocellus")
    arguments.add_argument("--peer-python", default="python3")
    arguments.add_argument("--fps", type=int, default=50)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--annotate", action="store_true")
    arguments.add_argument("--sidecar", action="store_true")
    arguments.add_argument("--only", choices=["ocellus", "peer"])
    options = arguments.parse_args()
    picture = options.picture.read_bytes()
    sides = {"ocellus": ocellus, "peer": peer}
    seen: dict = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, run in sides.items():
            if options.only in (None, name):
                with tempfile.TemporaryDirectory() as folder:
                    seen[name].append(run(options, picture, pathlib.Path(folder)))
                print(name, json.dumps(seen[name][-1]), flush=True)
    for name, rounds in seen.items():
        if rounds:
            medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
            print(f"{name}, medians of {len(rounds)}:", json.dumps(medians))


main()
