"""The peer: a Python vision service of the usual build, on the same work as Ocellus.

A thread decodes the video (PyAV) into a bounded queue; worker threads, each with its own single-threaded LiteRT
interpreter, scale, infer and publish the best five classes with QoS 1 (paho-mqtt). All the heavy calls release the
interpreter lock. Ends when the file ends and the broker has acknowledged everything; `measure.py` looks on from outside.
"""

import argparse
import json
import queue
import threading
import time
from datetime import datetime, timezone

import av
import numpy as np
import paho.mqtt.client as mqtt
from ai_edge_litert.interpreter import Interpreter

END = None


def decode(video: str, fps: float, frames: queue.Queue, readers: int) -> None:
    """Puts (number, wall clock at decoding in ns, frame) into `frames`; at `fps` frames a second, or as fast as it goes."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        # One core decodes while the other infers; frame threads would add a frame of delay each.
        stream.codec_context.thread_count = 1
        start = time.monotonic()
        for number, frame in enumerate(container.decode(stream)):
            item = (number, time.time_ns(), frame)
            if fps:
                put_latest(frames, item)
                time.sleep(max(0.0, start + (number + 1) / fps - time.monotonic()))
            else:
                frames.put(item)
    for _ in range(readers):
        frames.put(END)


def put_latest(frames: queue.Queue, item) -> None:
    """A live picture is worth more than an old one: the oldest makes room."""
    while True:
        try:
            return frames.put_nowait(item)
        except queue.Full:
            try:
                frames.get_nowait()
            except queue.Empty:
                pass


class Worker:
    """One interpreter, one thread."""

    def __init__(self, model: str):
        self.interpreter = Interpreter(model_path=model, num_threads=1)
        self.interpreter.allocate_tensors()
        (self.input,) = self.interpreter.get_input_details()
        (self.output,) = self.interpreter.get_output_details()
        _, self.height, self.width, _ = self.input["shape"]
        self.scale, self.zero = self.output["quantization"]

    def classify(self, frame: av.VideoFrame) -> list[dict]:
        """The best five classes of one frame."""
        pixels = frame.reformat(int(self.width), int(self.height), "rgb24", interpolation="BILINEAR").to_ndarray()
        self.interpreter.set_tensor(self.input["index"], pixels[np.newaxis])
        self.interpreter.invoke()
        scores = self.interpreter.get_tensor(self.output["index"])[0]
        best = np.argpartition(scores, -5)[-5:]
        best = best[np.argsort(scores[best])[::-1]]
        return [{"class": int(i), "score": round(float((int(scores[i]) - self.zero) * self.scale), 4)} for i in best]

    def run(self, frames: queue.Queue, client: mqtt.Client, topic: str, sent: list) -> None:
        """Works until the end mark."""
        while (item := frames.get()) is not END:
            number, wall_ns, frame = item
            findings = self.classify(frame)
            taken = datetime.fromtimestamp(wall_ns / 1e9, timezone.utc).isoformat(timespec="microseconds")
            body = {"schema": "peer.detections/1", "seq": number, "time": taken, "findings": findings}
            sent.append(client.publish(topic, json.dumps(body), qos=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, default=1883, help="of the broker on 127.0.0.1")
    parser.add_argument("--topic", default="peer/detections")
    parser.add_argument("--fps", type=float, default=0.0, help="0: as fast as it goes")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(100)
    client.connect_async("127.0.0.1", args.port)
    client.loop_start()

    frames: queue.Queue = queue.Queue(maxsize=4)
    decoder = threading.Thread(target=decode, args=(args.video, args.fps, frames, args.workers), name="decode")
    decoder.start()
    sent: list = []
    workers = [
        threading.Thread(target=lambda: Worker(args.model).run(frames, client, args.topic, sent), name=f"worker-{i}")
        for i in range(args.workers)
    ]
    for worker in workers:
        worker.start()
    for thread in (decoder, *workers):
        thread.join()
    for message in sent:
        message.wait_for_publish(timeout=10)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
