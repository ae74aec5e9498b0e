"""The peer of the camera server: frames over TCP as lab programs usually take them.

usage: camera_peer.py --port N --folder DIR [--record] [--annotate]

A thread for each sender reads 4 bytes of length and a JPEG; a queue of 100 between it and one thread that decodes it
(with --record it writes the JPEG to disk, with --annotate it also draws on the picture and writes that). What does not fit
into the queue is dropped. With the first line on standard input it processes what waits, prints one line of JSON
(received, processed, recorded, dropped), and ends.
"""

import argparse
import json
import pathlib
import queue
import socket
import struct
import sys
import threading
from datetime import datetime

import cv2
import numpy


def receive(sender: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = sender.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


class Server:
    def __init__(self, folder: pathlib.Path, record: bool, annotate: bool):
        self.folder, self.record, self.annotate = folder, record, annotate
        self.frames: queue.Queue = queue.Queue(maxsize=100)
        self.received = self.processed = self.recorded = self.dropped = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            sender, _ = listener.accept()
            threading.Thread(target=self.read, args=(sender,), daemon=True).start()

    def read(self, sender: socket.socket) -> None:
        while (size := receive(sender, 4)) is not None:
            jpeg = receive(sender, struct.unpack(">I", size)[0])
            if jpeg is None:
                return
            self.received += 1
            try:
                self.frames.put_nowait((jpeg, datetime.now()))
            except queue.Full:
                self.dropped += 1

    def process(self) -> None:
        while True:
            jpeg, at = self.frames.get()
            picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
            if self.record:
                self.write(jpeg, picture, at)
            self.processed += 1
            self.frames.task_done()

    def write(self, jpeg: bytes, picture: numpy.ndarray, at: datetime) -> None:
        day = self.folder / at.strftime("%y%m%d")
        day.mkdir(parents=True, exist_ok=True)
        name = at.strftime("%H-%M-%S_%f")
        (day / f"{name}.jpg").write_bytes(jpeg)
        if self.annotate:
            cv2.rectangle(picture, (100, 100), (400, 400), (0, 255, 0), 2)
            cv2.imwrite(str(day / f"{name}_labelled.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
        self.recorded += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--annotate", action="store_true")
    args = parser.parse_args()
    server = Server(args.folder, args.record, args.annotate)
    listener = socket.create_server(("127.0.0.1", args.port))
    threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
    threading.Thread(target=server.process, daemon=True).start()
    sys.stdin.readline()
    server.frames.join()
    names = ("received", "processed", "recorded", "dropped")
    print(json.dumps({name: getattr(server, name) for name in names}), flush=True)


if __name__ == "__main__":
    main()
