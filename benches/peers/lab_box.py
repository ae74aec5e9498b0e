"""The recorder's peer: a lab box in Python of the usual build (docs/figures.md, "Recorder").

A thread receives frames over TCP (4 bytes big-endian length, then a JPEG) into a bounded queue of 100; a second one
decodes each, draws a mark, encodes it at quality 85 and writes `DIR/YYMMDD/HH-MM-SS_mmm.jpg`, beside the frame as it came.
Prints one line of JSON with its counts when the sender closes.
"""

import argparse
import io
import json
import pathlib
import queue
import socket
import struct
import threading
import time

from PIL import Image, ImageDraw

END = None


def exactly(stream: socket.socket, count: int) -> bytes:
    """Reads `count` bytes, or raises EOFError."""
    parts = []
    while count:
        part = stream.recv(min(count, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive(port: int, frames: queue.Queue, counts: dict) -> None:
    with socket.create_server(("127.0.0.1", port)) as server:
        stream, _ = server.accept()
        try:
            while True:
                (length,) = struct.unpack(">I", exactly(stream, 4))
                picture = exactly(stream, length)
                counts["received"] += 1
                try:
                    frames.put_nowait((time.time(), picture))
                except queue.Full:
                    counts["dropped"] += 1
        except EOFError:
            frames.put(END)


def write(folder: pathlib.Path, frames: queue.Queue, counts: dict, annotate: bool) -> None:
    while (item := frames.get()) is not END:
        seconds, picture = item
        local = time.localtime(seconds)
        name = time.strftime("%H-%M-%S", local) + f"_{int(seconds % 1 * 1000):03}"
        day = folder / time.strftime("%y%m%d", local)
        day.mkdir(parents=True, exist_ok=True)
        (day / f"{name}.jpg").write_bytes(picture)
        if annotate:
            image = Image.open(io.BytesIO(picture))
            ImageDraw.Draw(image).rectangle((100, 100, 300, 300), outline=(0, 255, 0), width=3)
            out = io.BytesIO()
            image.save(out, "JPEG", quality=85)
            (day / f"{name}_labelled.jpg").write_bytes(out.getvalue())
        counts["written"] += 1


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--dir", type=pathlib.Path, required=True)
    arguments.add_argument("--annotate", action="store_true")
    options = arguments.parse_args()
    counts = {"received": 0, "dropped": 0, "written": 0}
    frames: queue.Queue = queue.Queue(100)
    receiver = threading.Thread(target=receive, args=(options.port, frames, counts))
    writer = threading.Thread(target=write, args=(options.dir, frames, counts, options.annotate))
    receiver.start()
    writer.start()
    receiver.join()
    writer.join()
    print(json.dumps(counts), flush=True)


main()
